import { BEHIND, type Behind, isTransport } from "../../config/behind.ts";
import { maskSecrets } from "../../config/mask.ts";

import { assignment } from "../../config/starter.ts";

import { isTable, upstreamsOf } from "../../config/values.ts";
import { printable } from "./printable.ts";
import type { Paint } from "./terminal.ts";
import { count, enumerate } from "./words.ts";

/** How an upstream is shown. */
interface Shown {
  what(upstream: Table): string;
  /** The keys of which that says everything. */
  readonly says: readonly string[];
}
type Table = Record<string, unknown>;
const SHOWN: Readonly<Record<Behind, Shown>> = {
  program: { what: commandLine, says: ["name", "transport", "command", "args"] },
  address: { what: ({ url }) => masked(String(url)), says: ["name", "transport", "url"] },
};
/** Its transport is a variable, or one that does not exist. */
const UNKNOWN: Shown = { what: () => "started or reached as its variables say", says: ["name"] };
const shownAs = ({ transport }: Table): Shown => (isTransport(transport) ? SHOWN[BEHIND[transport]] : UNKNOWN);
/** What may be a program is shown as one. */
const behind = ({ transport }: Table): Behind => (isTransport(transport) ? BEHIND[transport] : "program");

/** Stand by themselves. */
const TABLES: ReadonlySet<string> = new Set(["upstreams", "security"]);

/**
 * Everything that a configuration does when it is started, as it is written: programs, places, and every setting, since
 * what is left out is where something would be hidden. `written`: the contents of `[mcp.proxy]` before variables were
 * filled in.
 */
export function launchLines(written: unknown, paint: Paint): string[] {
  const linesOf = (kind: Behind) => of(written, kind).flatMap(upstream => upstreamLines(upstream, paint));
  return [
    ...part("It starts:", linesOf("program"), paint),
    ...part("It reaches:", linesOf("address"), paint),
    ...part("It sets:", settingLines(written), paint),
    // At the end, so that a long list does not scroll it away.
    `Together: ${summary(written)}.`,
  ];
}

/** How much of it there is, in a few words. */
export function summary(written: unknown): string {
  const [programs, places] = [of(written, "program"), of(written, "address")];
  const names = programs.slice(0, 3).map(({ command }) => JSON.stringify(printable(String(command))));
  const which = programs.length === 0 ? "" : ` (${enumerate(programs.length > 3 ? [...names, "others"] : names)})`;
  return `${count(programs.length, "program")} started${which}, ${count(places.length, "place")} reached`;
}

const of = (written: unknown, kind: Behind): readonly Table[] =>
  upstreamsOf(written)
    .map(({ table }) => table)
    .filter(upstream => behind(upstream) === kind);
const masked = (text: string): string => printable(maskSecrets(text));
const part = (title: string, lines: readonly string[], paint: Paint): string[] =>
  lines.length === 0 ? [] : [paint("strong", title), ...lines.map(line => `  ${line}`)];

function upstreamLines(upstream: Table, paint: Paint): string[] {
  const { what, says } = shownAs(upstream);
  const rest = Object.entries(upstream).filter(([key]) => !says.includes(key));
  return [
    `${paint("accent", printable(String(upstream.name)))}: ${what(upstream)}`,
    ...rest.map(([key, value]) => `  ${masked(assignment(key, value))}`),
  ];
}

function settingLines(written: unknown): string[] {
  if (!isTable(written)) return [];
  const { security } = written;
  return [
    ...Object.entries(written).filter(([key]) => !TABLES.has(key)),
    ...(isTable(security) ? Object.entries(security).map(([key, value]) => [`security.${key}`, value] as const) : []),
  ].map(([key, value]) => masked(assignment(key, value)));
}

/** As a shell would take it. An argument is shown as it is, whatever it looks like: what is hidden there would be run. */
function commandLine({ command, args }: Table): string {
  const words = [command, ...(Array.isArray(args) ? args : [])].map(String);
  return words.map(word => (PLAIN_WORD.test(word) ? word : printable(JSON.stringify(word)))).join(" ");
}

const PLAIN_WORD = /^[\w@%+=:,./${}-]+$/;
