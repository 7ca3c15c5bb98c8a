import { IN_RUN, LONG_RUN } from "./json-reader.ts";
import { COLUMNS, type JsonRules, namesSecret } from "./json-shapes.ts";

/**
 * Literals of which one stands in every JSON text that the walk treats by what stands where: options in a list of arguments,
 * and names of columns. The quote before them keeps them from occurring within a string. And what lines do not show.
 */
export const PLACES: readonly string[] = ['"-', ...[...COLUMNS].map(word => `"${word}"`), "\x7f"];

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const SIMPLE = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) SIMPLE[byte] = 1;
/** How many strings with a long word in them, and how long ones, are known to be harmless: names and addresses come again. */
const MOST_HARMLESS = 500;
const LONGEST_HARMLESS = 256;

/**
 * Whether the first `end` bytes of a text that is well-formed JSON, or of the beginning of such a text, are in a log what
 * they are anyway: nothing in them could be a secret, end a line, or be read in two ways. One pass, without taking anything
 * apart; wrong at times, in one direction.
 */
export type CleanTest = (json: Buffer, end: number) => boolean;

export function cleanTest(rules: JsonRules): CleanTest {
  const { next, found } = rules.hints;
  const harmless = new Set<string>();

  /** What is long and has no hint may have the shape of a key all the same. */
  function isHarmless(said: string): boolean {
    // To look at a long one as a text and as a name takes longer than the walk, which looks at it as what it is.
    if (said.length > LONGEST_HARMLESS) return false;
    if (harmless.has(said)) return true;
    const { redactText, redactName, isSecretName } = rules;
    if (said.includes("\\") || /^\s*[[{]/.test(said) || redactText(said) !== said || redactName(said) !== said)
      return false;
    if (isSecretName(said) || namesSecret(said, isSecretName, true)) return false;
    if (harmless.size >= MOST_HARMLESS) harmless.clear();
    harmless.add(said);
    return true;
  }

  /** A long run covers one of the places that lie so far apart. */
  function areLongWordsHarmless(json: Buffer, end: number): boolean {
    let at = LONG_RUN - 1;
    while (at < end) {
      if (IN_RUN[json[at]!] === 0) {
        at += LONG_RUN;
        continue;
      }
      let from = at;
      while (from > 0 && IN_RUN[json[from - 1]!] === 1) from--;
      let to = at + 1;
      while (to < end && IN_RUN[json[to]!] === 1) to++;
      at = to + LONG_RUN;
      if (to - from < LONG_RUN) continue;
      const [start, stop] = [quoteBefore(json, from), quoteBehind(json, to, end)];
      if (!isHarmless(json.toString("latin1", start, stop))) return false;
      at = stop + LONG_RUN;
    }
    return true;
  }

  return (json, end) => {
    if (rules.isSuspect) return false;
    let state = 0;
    let seen = 0;
    for (let at = 0; at < end; at++) {
      const byte = json[at]!;
      seen |= byte;
      // Nothing leads out of the state that says that a literal was found.
      state = next[state | byte]!;
      if (byte !== BACKSLASH) continue;
      if (state === found || ++at >= end || SIMPLE[json[at]!] !== 1) return false;
      state = 0;
    }
    return state !== found && seen < 0x80 && areLongWordsHarmless(json, end);
  };
}

/** Where the string begins that a place lies in. */
function quoteBefore(json: Buffer, place: number): number {
  let at = place;
  while (at > 0 && !(json[at - 1] === QUOTE && !isEscaped(json, at - 1))) at--;
  return at;
}

function quoteBehind(json: Buffer, place: number, end: number): number {
  let at = place;
  while (at < end && !(json[at] === QUOTE && !isEscaped(json, at))) at++;
  return at;
}

function isEscaped(json: Buffer, at: number): boolean {
  let slashes = 0;
  while (json[at - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
