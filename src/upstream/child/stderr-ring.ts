import { stripVTControlCharacters } from "node:util";
import { hideKeys } from "./key-lines.ts";

export interface StderrRing {
  push(chunk: Buffer): void;
  /** The last lines as printable text, newest last; without private keys that stand on several of them. */
  lines(): readonly string[];
}

const CAPACITY_BYTES = 64 * 1024;
const MAX_LINES = 100;
const LOOK_BACK = 5;
const MAX_LINE_LENGTH = 1_000;
const LONGEST_SECRET = 16 * 1024;
/** C0, C1, line and paragraph separators, and what turns the direction of the text that follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text of a child that a terminal or a log can show without harm. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll("\t", " ").replace(UNPRINTABLE, "");
}

/**
 * Keeps the last 64 KiB as raw bytes: nothing is decoded until somebody looks. `hide` takes secrets out before any line is
 * cut, so that no part of one is left.
 */
export function createStderrRing(hide: (text: string) => string = text => text): StderrRing {
  let ring: Buffer | undefined;
  let written = 0;

  const bytes = (): Buffer => {
    if (!ring) return Buffer.alloc(0);
    if (written <= CAPACITY_BYTES) return ring.subarray(0, written);
    const at = written % CAPACITY_BYTES;
    return Buffer.concat([ring.subarray(at), ring.subarray(0, at)]);
  };

  return {
    push(chunk) {
      ring ??= Buffer.allocUnsafeSlow(CAPACITY_BYTES);
      const tail = chunk.subarray(Math.max(0, chunk.length - CAPACITY_BYTES));
      const at = (written + chunk.length - tail.length) % CAPACITY_BYTES;
      const fits = tail.copy(ring, at);
      tail.copy(ring, 0, fits);
      written += chunk.length;
    },
    lines() {
      // Those before the ones that are shown tell whether a private key goes on in them.
      const all = bytes().toString("utf8").split("\n");
      // What is left of the line that was overwritten last may begin in the middle of a secret.
      if (written > CAPACITY_BYTES) all[0] = all.length > 1 ? "" : (all[0] ?? "").slice(LONGEST_SECRET);
      const texts = hide(all.map(printable).join("\n"))
        .split("\n")
        .slice(-MAX_LINES * LOOK_BACK);
      const clean = texts.map(text => text.slice(0, MAX_LINE_LENGTH).trimEnd());
      return hideKeys(clean.filter(text => text !== "")).slice(-MAX_LINES);
    },
  };
}
