// From rounds to figures.

const median = values => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const round = (value, digits = 0) => Number(value.toFixed(digits));

/** Best and median per variant, and its share of nginx in the same run. `runs`: name → rounds. */
export function summary(runs) {
  const figures = [...runs].map(([name, rounds]) => {
    const perSecond = rounds.map(run => run.perSecond);
    const cpu = rounds.map(run => run.cpuUs).filter(Number.isFinite);
    return {
      name,
      best: round(Math.max(...perSecond)),
      median: round(median(perSecond)),
      cpuUsBest: cpu.length > 0 ? round(Math.min(...cpu), 1) : null,
      cpuUsMedian: cpu.length > 0 ? round(median(cpu), 1) : null,
      p50Us: round(median(rounds.map(run => run.p50Us))),
      p99Us: round(median(rounds.map(run => run.p99Us))),
      errors: rounds.reduce((sum, run) => sum + run.broken, 0),
      wrongRounds: rounds.filter(run => run.wrong).length,
    };
  });
  const nginx = figures.find(({ name }) => name === "nginx");
  return figures.map(figure => ({ ...figure, ratio: nginx ? ratioTo(nginx, figure) : null }));
}

/** Above 1 is better than nginx. `cpu` says how many requests a fully used core would serve. */
const ratioTo = (nginx, figure) => ({
  best: round(figure.best / nginx.best, 3),
  median: round(figure.median / nginx.median, 3),
  cpu: figure.cpuUsBest ? round(nginx.cpuUsBest / figure.cpuUsBest, 3) : null,
  cpuMedian: figure.cpuUsMedian ? round(nginx.cpuUsMedian / figure.cpuUsMedian, 3) : null,
});

const COLUMNS = [
  ["variant", figure => figure.name],
  ["best req/s", figure => figure.best],
  ["median", figure => figure.median],
  ["CPU µs best", figure => figure.cpuUsBest],
  ["median", figure => figure.cpuUsMedian],
  ["p50 µs", figure => figure.p50Us],
  ["p99 µs", figure => figure.p99Us],
  ["÷ nginx best", figure => figure.ratio?.best],
  ["median", figure => figure.ratio?.median],
  ["by CPU best", figure => figure.ratio?.cpu],
  ["median", figure => figure.ratio?.cpuMedian],
  ["errors", figure => figure.errors],
  ["wrong rounds", figure => figure.wrongRounds],
];

export function printTable({ size, variants }) {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...variants.map(figure => COLUMNS.map(([, cell]) => String(cell(figure) ?? "–"))),
  ];
  const widths = COLUMNS.map((_, at) => Math.max(...rows.map(row => row[at].length)));
  console.log(`\nresult of ${size} bytes`);
  for (const row of rows) {
    console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join("  "));
  }
}
