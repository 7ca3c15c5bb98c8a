import type { Patterns } from "./patterns.ts";
import { redactPairs } from "./redact-pairs.ts";
import { redactKeyBlocks, redactShapes } from "./sensitive.ts";

/** A function that removes every secret from a text that has no structure, or none that can be relied on. */
export function textRedactor(patterns: Patterns): (text: string) => string {
  // Key blocks first, since a name before one would take its first line only; names before shapes, since a shape may
  // be no more than the beginning of a value.
  const plain = (text: string): string => patterns.redact(redactShapes(redactPairs(redactKeyBlocks(text))));
  return text => redactEscaped(plain(unescapeAscii(text)), plain);
}

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
