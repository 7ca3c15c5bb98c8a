import { printable } from "../terminal/printable.ts";
import type { Paint, Tone } from "../terminal/terminal.ts";

const TONES: Readonly<Record<string, Tone>> = {
  ok: "good",
  tool_error: "warn",
  asks: "accent",
  failed: "bad",
  unfinished: "bad",
};
const DECIMALS = 1;
/** Of lines about calls that did not end. */
const EVENTS: ReadonlySet<unknown> = new Set(["sending", "unfinished"]);

/** Whether a line says something that a person has not read elsewhere: each call is told of once, when it has ended. */
export const isForPeople = (line: string): boolean =>
  !line.includes('"event":"sending"') || parse(line)?.event !== "sending";

/** One line of the log of calls for a person: when, who, what, where to, how it ended. Other lines stay as they are. */
export function logLine(line: string, paint: Paint): string {
  const entry = parse(line);
  if (!entry) return printable(line);
  const text = (key: string): string => (typeof entry[key] === "string" ? printable(entry[key]) : "");
  const number = (key: string): number | undefined => (typeof entry[key] === "number" ? entry[key] : undefined);
  const outcome = text("outcome") || text("event");
  const ms = number("ms");
  const attempts = number("attempts") ?? 0;
  return [
    paint("dim", clock(text("ts"))),
    text("agent") || "-",
    paint("strong", [text("method"), text("target")].filter(Boolean).join(" ")),
    text("upstream") && `-> ${text("upstream")}${attempts > 1 ? ` (attempt ${attempts})` : ""}`,
    paint(TONES[outcome] ?? "dim", outcome.replaceAll("_", " ")),
    ms === undefined ? "" : `${ms.toFixed(DECIMALS)} ms`,
    text("reason"),
  ]
    .filter(Boolean)
    .join("  ");
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" &&
      value !== null &&
      ("outcome" in value || EVENTS.has(Reflect.get(value, "event")))
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** `2026-01-31T12:34:56.789Z` in local time, to the second. */
function clock(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const pad = (value: number): string => String(value).padStart(2, "0");
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  return `${date} ${time.toTimeString().slice(0, 8)}`;
}
