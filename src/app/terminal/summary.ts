import type { CatalogStatus, PendingChange, Status, UpstreamStatus } from "../../core/status.ts";
import { printable, truncate } from "./printable.ts";
import { shareLines } from "./shares.ts";
import { doubtLine, explainFailure, hasFailed, symbolOf, toneOf, wordOf } from "./states.ts";
import { table } from "./table.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { count, duration, enumerate } from "./words.ts";

/** How a thing is shown: for standard output of a terminal. */
export interface Style {
  readonly paint: Paint;
  readonly columns: number | undefined;
  readonly unicode: boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}
export const styleOf = (terminal: Terminal): Style => ({
  paint: terminal.paint.out,
  columns: terminal.columns(),
  unicode: terminal.unicode,
  nowMs: Date.now(),
});

/** The whole reason stands below the table. */
const REASON_COLUMNS = 60;

export function upstreamTable(upstreams: readonly UpstreamStatus[], style: Style): string[] {
  const rows = upstreams.map(status => [
    { text: `${symbolOf(status.state, style.unicode)} ${status.name}`, tone: toneOf(status.state) },
    {
      text: `${wordOf(status.state)} for ${duration(style.nowMs - Date.parse(status.since))}`,
      tone: toneOf(status.state),
    },
    status.transport,
    status.protocolVersion ?? "-",
    String(status.tools),
    status.state === "ready" ? "" : truncate(printable(status.lastError ?? ""), REASON_COLUMNS),
  ]);
  const headers = ["  upstream", "state", "transport", "revision", "tools", "why not"];
  return table(headers, rows, { paint: style.paint, columns: style.columns, right: [4] });
}

/** Everything about the upstreams and what became of their tools; nothing is hidden without its reason. */
export function fleetSummary(status: Status, style: Style): string[] {
  const { upstreams, catalog } = status;
  const parts = [
    upstreams.length > 0
      ? upstreamTable(upstreams, style)
      : ["No upstreams are configured: add some to the configuration, then `rad mcp proxy reload`."],
    [offers(catalog)],
    ...upstreams.filter(hasFailed).map(one => explainFailure(one, style.paint)),
    section("In doubt", upstreams.flatMap(doubtLine), style),
    section("Answers that belong to nothing", upstreams.flatMap(unmatchedLine), style),
    section("Reached through a proxy", upstreams.flatMap(proxyLine), style),
    section("Busy", upstreams.flatMap(queueLine), style),
    section("Crowded", shareLines(status.shares), style),
    section("Worth knowing", upstreams.flatMap(noteLines), style),
    section("Replicas", replicaLines(catalog.replicas), style),
    section("Conflicts", conflictLines(catalog.conflicts), style),
    section("Look alike, and are not the same", lookAlikeLines(catalog), style),
    ...hiddenSections(catalog.hidden, inShort).map(({ title, lines }) => section(title, lines, style)),
    section("Waits for `rad mcp proxy restart`", restartLines(status.pending), style),
    section("Waits for you: look at the file, then `rad mcp proxy reload`", reloadLines(status.pending), style),
    section(
      "Warnings",
      status.warnings.flatMap(warning => warning.split("\n")),
      style,
    ),
  ].filter(lines => lines.length > 0);
  return parts.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

function offers(catalog: CatalogStatus): string {
  return `Agents see ${enumerate([count(catalog.tools, "tool"), count(catalog.prompts, "prompt"), count(catalog.resources, "resource")])}.`;
}

function unmatchedLine({ name, unmatched }: UpstreamStatus): string[] {
  return unmatched ? [`${name}: ${unmatched.count}, the last: ${unmatched.last}`] : [];
}

/** A gateway of an earlier version tells nothing of it. */
function proxyLine({ name, proxy = null }: Partial<UpstreamStatus>): string[] {
  return proxy === null ? [] : [`${name}: ${proxy}, as the environment says`];
}

function queueLine({ name, inFlight, queued }: UpstreamStatus): string[] {
  if (queued === 0) return [];
  const running = `${count(inFlight - queued, "call")} running (max_concurrency)`;
  return [`${name}: ${running}, ${count(queued, "call")} waiting for their turn`];
}

/** A gateway of an earlier version has none. */
function noteLines({ name, notes = [] }: UpstreamStatus): string[] {
  return notes.map(note => `${name}: ${note}`);
}

/** A gateway of an earlier version tells nothing of it. */
function restartLines(pending: Status["pending"] = []): string[] {
  return pending
    .filter(({ until = "restart" }: Partial<PendingChange>) => until === "restart")
    .map(
      ({ key, running, configured }) =>
        `${key} is ${JSON.stringify(running)} now, ${JSON.stringify(configured)} in the configuration`,
    );
}

function reloadLines(pending: Status["pending"] = []): string[] {
  return pending.filter(({ until }) => until === "reload").map(pendingLine);
}

/** A change that waits for a person, with the reason. */
export const pendingLine = ({ change, reason, running, configured }: PendingChange): string => {
  const values =
    running === null && configured === null ? "" : ` (${JSON.stringify(running)} → ${JSON.stringify(configured)})`;
  return `${change}${values}: ${reason}`;
};

const BECAUSE = { group: "they are of one group", equal: "inferred: equal definitions and configurations" } as const;

/** One line for each set of replicas: what they share is mostly a matter of counting. */
function replicaLines(replicas: CatalogStatus["replicas"]): string[] {
  const sets = new Map<string, Map<string, number>>();
  for (const { kind, upstreams, because } of replicas) {
    const key = `${enumerate(upstreams)} (${BECAUSE[because]})`;
    const counts = sets.get(key) ?? new Map<string, number>();
    sets.set(key, counts.set(kind, (counts.get(kind) ?? 0) + 1));
  }
  return [...sets].map(([key, counts]) => `${key}: ${enumerate([...counts].map(([kind, many]) => count(many, kind)))}`);
}

/** What to do about them is mostly the same for all. */
function conflictLines(conflicts: CatalogStatus["conflicts"]): string[] {
  const lines = conflicts.map(
    ({ kind, name, upstreams, outcome }) => `${kind} "${name}" of ${enumerate(upstreams)}: ${outcome}`,
  );
  return [...lines, ...new Set(conflicts.flatMap(({ advice }) => advice ?? []))];
}

/** A gateway of an earlier version tells nothing of it. */
function lookAlikeLines({ lookAlikes = [] }: Partial<CatalogStatus>): string[] {
  return lookAlikes.map(({ kind, names, more }) => {
    const all = names.map(({ upstream, name }) => `${spelled(name)} of ${upstream}`);
    return `${kind}s ${enumerate(more > 0 ? [...all, `${more} more`] : all)}`;
  });
}

/** With its letters beyond ASCII by their numbers, or one could not tell it from another. */
const spelled = (name: string): string => {
  const codes = Array.from(name).filter(letter => !/^[\x20-\x7e]$/.test(letter));
  const named = [...new Set(codes)].map(
    letter => `U+${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`,
  );
  return named.length === 0 ? JSON.stringify(name) : `${JSON.stringify(name)} (${named.slice(0, 5).join(", ")})`;
};

/** What the catalog did about a definition that is not listed as it came. */
const DEALT_WITH = { hidden: "Hidden", repaired: "Repaired", not_offered: "Not offered" } as const;

/** Everything that is not listed as it came, by what was done about it. */
export const hiddenLines = (hidden: CatalogStatus["hidden"], paint: Paint): string[] =>
  hiddenSections(hidden, each => each.map(hiddenLine)).flatMap(({ title, lines }) => section(title, lines, { paint }));

type Hidden = CatalogStatus["hidden"][number];

const hiddenSections = (
  hidden: readonly Hidden[],
  linesOf: (hidden: readonly Hidden[]) => string[],
): { title: string; lines: string[] }[] =>
  Object.entries(DEALT_WITH).map(([action, title]) => ({
    title,
    lines: linesOf(hidden.filter(each => each.action === action)),
  }));

const hiddenLine = ({ upstream, kind, name, reason }: Hidden): string => `${kind} "${name}" of ${upstream}: ${reason}`;

/** As many of one upstream for one reason get lines of their own: a filter may leave out hundreds. */
const MOST_LINES = 4;
const NAMED = 2;
/** What shows all of them. */
const SHOWS_ALL: Readonly<Record<Hidden["kind"], string>> = {
  tool: "rad mcp tools NAME",
  prompt: "rad mcp prompts NAME",
  resource: "rad mcp test NAME",
  template: "rad mcp test NAME",
};

/** One line for many of the same kind. */
function inShort(hidden: readonly Hidden[]): string[] {
  const alike = new Map<string, Hidden[]>();
  for (const each of hidden) {
    const key = JSON.stringify([each.upstream, each.kind, each.reason]);
    const those = alike.get(key);
    if (those) those.push(each);
    else alike.set(key, [each]);
  }
  return [...alike.values()].flatMap(those => {
    const [first] = those;
    if (first === undefined || those.length <= MOST_LINES) return those.map(hiddenLine);
    const { upstream, kind, reason } = first;
    const names = enumerate([...those.slice(0, NAMED).map(({ name }) => `"${name}"`), `${those.length - NAMED} more`]);
    return [`${kind}s ${names} of ${upstream}: ${reason} (all: \`${SHOWS_ALL[kind].replace("NAME", upstream)}\`)`];
  });
}

function section(title: string, lines: readonly string[], { paint }: Pick<Style, "paint">): string[] {
  return lines.length === 0 ? [] : [paint("strong", title), ...lines.map(line => `  ${printable(line)}`)];
}

/** What to give to an agent. */
export function connectHelp(status: Pick<Status, "url" | "urls">, paint: Paint): string[] {
  if (status.url === null) return [];
  const others = status.urls.filter(url => url !== status.url);
  return [
    paint("strong", "Give this URL to your agents:"),
    `  ${paint("accent", printable(status.url))}`,
    ...others.map(url => `  ${printable(url)}`),
    `For example: claude mcp add --transport http rad ${printable(status.url)}`,
  ];
}

/** The first line of `status`. */
export function headline(status: Status, { paint, nowMs }: Style): string {
  const tone = ({ ok: "good", degraded: "warn", down: "bad" } as const)[status.health];
  const since = duration(nowMs - Date.parse(status.startedAt));
  const does = status.stopping
    ? `is ${paint("bad", "stopping")}: running calls may finish, nothing new is taken`
    : `is running: ${paint(tone, status.health)}`;
  const whose = status.config === null ? "the demo" : printable(status.config);
  return `${paint("strong", `Radium MCP Proxy ${status.version}`)} ${does} (pid ${status.pid}, for ${since}, ${whose})`;
}
