// From rounds to figures, and from figures to text.

export const median = values => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const rounded = (value, digits = 0) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);
const sum = (rounds, field) => rounds.reduce((total, round) => total + round[field], 0);

/** Medians of one line's rounds. */
export function lineFigures(name, rounds) {
  const middle = field => median(rounds.map(round => round[field] ?? Number.NaN));
  return {
    name,
    perSecond: rounded(middle("perSecond")),
    cpuUs: rounded(middle("cpuUs"), 1),
    kernelUs: rounded(middle("kernelUs"), 1),
    p50Us: rounded(middle("p50Us")),
    p99Us: rounded(middle("p99Us")),
    errors: sum(rounds, "broken"),
    wrongRounds: rounds.filter(round => round.wrong).length,
  };
}

const UNITS = { p50Us: "µs", p99Us: "µs" };

/** How each kind of figure is made of one round of all lines; the median of the rounds counts. */
const KINDS = {
  ratio: ({ of }, round) => round("nginx").cpuUs / round(of).cpuUs,
  against: ({ of, against }, round) => Math.max(...against.map(name => round(name).cpuUs)) / round(of).cpuUs,
  cost: ({ of, against }, round) => round(of).cpuUs / round(against).cpuUs,
  added: ({ of, to, field }, round) => round(of)[field] - round(to)[field],
  latency: ({ of, field }, round) => round(of)[field],
};

/** A figure of a case. `runs`: line → rounds; `refused`: line → refused calls of the counting round. */
export function figureOf(figure, { runs, refused = {} }) {
  const unit = UNITS[figure.field] ?? "";
  const turns = runs.get(figure.of)?.length ?? 0;
  const inTurn = turn => name => runs.get(name)?.[turn] ?? {};
  const make = KINDS[figure.kind];
  const values = make ? Array.from({ length: turns }, (_, turn) => make(figure, inTurn(turn))) : [];
  const value = figure.kind === "refusals" ? (refused[figure.of] ?? null) : rounded(median(values), unit ? 0 : 3);
  return judged({ ...figure, value, unit });
}

/** `reached` is `null` where there is nothing to compare. */
export function judged({ title = "", value, unit = "", least, most }) {
  const known = value !== null && value !== undefined && !Number.isNaN(value);
  const reached = known ? (least === undefined || value >= least) && (most === undefined || value <= most) : null;
  return { title, value: known ? value : null, unit, ...(least === undefined ? { most } : { least }), reached };
}

const shown = (value, unit) => (value === null ? "–" : `${value.toLocaleString("en")}${unit && ` ${unit}`}`);
const targetOf = ({ least, most, unit }) =>
  least === undefined && most === undefined
    ? ""
    : least === undefined
      ? `≤ ${shown(most, unit)}`
      : `≥ ${shown(least, unit)}`;
const VERDICTS = new Map([
  [true, "yes"],
  [false, "no"],
  [null, "–"],
]);

/** Rows of the table of targets. `results`: what run.mjs collects, one for each case. */
export function targetRows(results) {
  return [
    ["case", "measured", "target", "reached"],
    ...results.flatMap(({ title, figures }) =>
      figures.map(figure => [
        figure.title && figure.title !== title ? `${title}: ${figure.title}` : title,
        shown(figure.value, figure.unit),
        targetOf(figure),
        VERDICTS.get(figure.reached),
      ]),
    ),
  ];
}

const COLUMNS = [
  ["case", (_, { title }) => title],
  ["variant", line => line.name],
  ["CPU µs", line => line.cpuUs],
  ["of it kernel", line => line.kernelUs],
  ["÷ nginx", line => line.ratio],
  ["req/s", line => line.perSecond],
  ["p50 µs", line => line.p50Us],
  ["p99 µs", line => line.p99Us],
  ["errors", line => line.errors + line.wrongRounds],
];

export const lineRows = results => [
  COLUMNS.map(([title]) => title),
  ...results.flatMap(result =>
    (result.lines ?? []).map((line, at) =>
      COLUMNS.map(([, cell], column) => (column === 0 && at > 0 ? "" : cellText(cell(line, result)))),
    ),
  ),
];
const cellText = value => (typeof value === "number" ? value.toLocaleString("en") : (value ?? "–"));

/** For terminals: the first columns to the left, the rest to the right. */
export function aligned(rows, left = 2) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map(row => row[at].length)));
  const pad = (cell, at) => (at < left ? cell.padEnd(widths[at]) : cell.padStart(widths[at]));
  return rows.map(row => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** For pages. */
export const markdown = ([head, ...rows]) =>
  [head, head.map(() => "---"), ...rows].map(row => `| ${row.join(" | ")} |`).join("\n");

/** The text with what stands between the two marks of that name replaced. Throws where they are missing. */
export function between(text, name, content) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`the marks ${open} and ${close} are missing`);
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`;
}
