import type { Hints } from "./hints.ts";
import { IN_RUN, LONG_RUN } from "./json-reader.ts";
import { COLUMNS } from "./json-shapes.ts";
import { isRandomRun } from "./sensitive.ts";

/**
 * Literals of which one stands in every JSON text that the walk treats by what stands where: options in a list of arguments,
 * and names of columns. The quote before them keeps them from occurring within a string.
 */
export const PLACES: readonly string[] = ['"-', ...[...COLUMNS].map(word => `"${word}"`)];

const BACKSLASH = 0x5c;
const SIMPLE = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) SIMPLE[byte] = 1;

/**
 * Whether the first `end` bytes of a text that is well-formed JSON, or the beginning of such a text, are in a log what they
 * are anyway: nothing in them could be a secret, end a line, or be read in two ways. One pass, without taking anything
 * apart; wrong at times, in one direction.
 */
export function isClean(json: Buffer, end: number, { next, found }: Hints): boolean {
  let state = 0;
  let run = 0;
  for (let at = 0; at < end; at++) {
    const byte = json[at]!;
    if (byte > 0x7e) return false;
    state = next[state | byte]!;
    if (state === found) return false;
    if (IN_RUN[byte] === 1) {
      run++;
      continue;
    }
    if (run >= LONG_RUN && isRandomRun(json.toString("latin1", at - run, at))) return false;
    run = 0;
    if (byte !== BACKSLASH) continue;
    if (++at >= end || SIMPLE[json[at]!] !== 1) return false;
    state = 0;
  }
  return run < LONG_RUN || !isRandomRun(json.toString("latin1", end - run, end));
}
