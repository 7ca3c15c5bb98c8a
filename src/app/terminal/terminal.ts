import { styleText } from "node:util";
import type { KnownSecrets } from "../../core/secrets/known-secrets.ts";
import { type Live, liveOn, type Stream } from "./live.ts";
import { jsonLine } from "./printable.ts";

/** What a command knows of the place it prints to. Results go to `out`, everything else to `err`. */
export interface Terminal {
  /** Prints lines to standard output. */
  out(text: string): void;
  /** Prints JSON text, on one line, to standard output. */
  json(text: string): void;
  /** Prints lines to standard error. */
  err(text: string): void;
  /** Colours for each of the two, or none. */
  readonly paint: { readonly out: Paint; readonly err: Paint };
  /** Lines on standard error that are drawn in place, where a person watches it. */
  readonly live: Live | undefined;
  /** Whether a person watches standard output. */
  readonly watched: boolean;
  /** Columns of the screen; `undefined` when the output is not a screen, or one that does not say. */
  columns(): number | undefined;
  /** Whether the screen shows more than ASCII. */
  readonly unicode: boolean;
}

export type Tone = "good" | "bad" | "warn" | "dim" | "strong" | "accent";
/** Colours a text that is already printable. */
export type Paint = (tone: Tone, text: string) => string;

const FORMATS = {
  good: "green",
  bad: "red",
  warn: "yellow",
  dim: "dim",
  strong: "bold",
  accent: "cyan",
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>;

export const plain: Paint = (_, text) => text;
export const coloured: Paint = (tone, text) => styleText(FORMATS[tone], text, { validateStream: false });

type Environment = Readonly<Record<string, string | undefined>>;

/** `NO_COLOR` (https://no-color.org) wins over `FORCE_COLOR`, and both over what the stream is. */
export function wantsColour(stream: Stream, env: Environment): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return stream.isTTY === true && env.TERM !== "dumb";
}

/** Symbols beyond ASCII need a UTF-8 locale; where none is named, it is assumed. */
function showsUnicode(env: Environment): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  return env.TERM !== "dumb" && env.TERM !== "linux" && (!locale || /utf-?8/i.test(locale));
}

/** What is taken out of everything that is printed. */
type Hiding = Pick<KnownSecrets, "hide" | "hideInJson">;
const NOTHING: Hiding = { hide: text => text, hideInJson: json => json };

export function terminalOf(
  streams: { out: Stream; err: Stream },
  env: Environment,
  secrets: Hiding = NOTHING,
): Terminal {
  const paintFor = (stream: Stream): Paint => (wantsColour(stream, env) ? coloured : plain);
  const print = (stream: Stream) => (text: string) => void stream.write(`${secrets.hide(text)}\n`);
  return {
    out: print(streams.out),
    json: text => void streams.out.write(`${jsonLine(secrets.hideInJson(Buffer.from(text)).toString("utf8"))}\n`),
    err: print(streams.err),
    paint: { out: paintFor(streams.out), err: paintFor(streams.err) },
    live: streams.err.isTTY === true && env.TERM !== "dumb" ? liveOn(streams.err, secrets.hide) : undefined,
    watched: streams.out.isTTY === true,
    columns: () => (streams.out.isTTY ? streams.out.columns || undefined : undefined),
    unicode: showsUnicode(env),
  };
}
