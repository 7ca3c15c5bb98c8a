import { createHints, mayOccurIn } from "./hints.ts";
import type { Patterns } from "./patterns.ts";
import { redactCommands } from "./redact-commands.ts";
import { redactNear } from "./redact-near.ts";
import { redactPairs } from "./redact-pairs.ts";
import { redactLetters, redactNamed, redactStatements, redactTables, redactTags } from "./redact-structures.ts";
import { mayName } from "./secret-names.ts";
import { HINTS, hasLongWord, redactKeyBlocks, redactRandomWords, redactShapes } from "./sensitive.ts";

/**
 * In this order: key blocks, since a name before one would take its first line only; structures before pairs, which know
 * nothing of them; names before shapes, since a shape may be no more than the beginning of a value; guesses at the end.
 */
export const STEPS = [
  redactKeyBlocks,
  redactTags,
  redactTables,
  redactNamed,
  redactStatements,
  redactPairs,
  redactLetters,
  redactCommands,
  redactShapes,
  redactNear,
  redactRandomWords,
] as const;

const ALL = createHints(HINTS);
/** They look for names first of all. */
const BY_NAME: ReadonlySet<(text: string) => string> = new Set([
  redactTables,
  redactNamed,
  redactStatements,
  redactPairs,
  redactNear,
]);

const redactHinted = (text: string, hasName: boolean): string =>
  STEPS.reduce((rest, step) => (hasName || !BY_NAME.has(step) ? step(rest) : rest), text);

/** A function that removes every secret from a text that has no structure, or none that can be relied on. */
export function textRedactor(patterns: Patterns): (text: string) => string {
  const plain = (text: string): string => {
    const mayHold = mayOccurIn(ALL, text) || hasLongWord(text);
    return patterns.redact(mayHold ? redactHinted(text, mayName(text)) : text);
  };
  return text => redactEscaped(plain(unescapeAscii(composed(text))), plain);
}

/** Letters of other widths and with marks apart are the same letters, and what is drawn as nothing is nothing. */
const composed = (text: string): string =>
  /^[\0-\xff]*$/.test(text) ? text : text.replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, "").normalize("NFKC");

/** `pass\u0077ord` is a name like any other to whoever reads JSON. */
const unescapeAscii = (text: string): string =>
  text.includes("\\u00")
    ? text.replace(/\\u00([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;

/**
 * Percent-encoded text once more in the clear, at any depth of encoding. Blanks stay encoded, so that a value does not
 * seem to end at one. Runs without a secret keep their spelling.
 */
function redactEscaped(text: string, redact: (text: string) => string): string {
  if (!text.includes("%")) return text;
  return text.replace(/[^\s"'<>]+/g, run => {
    const clear = run.replace(/%(?:25)*(?!20)([2-7][0-9a-f])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (clear === run) return run;
    const redacted = redact(clear);
    return redacted === clear ? run : redacted;
  });
}
