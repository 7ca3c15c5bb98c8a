import { FALSE, isDigit, NULL, TRUE } from "./json-tokens.ts";

/**
 * Where the number or the word `true`, `false` or `null` ends that begins at `at`. Where none does, or not well, the
 * answer is the complement (`~`) of the place where it goes wrong.
 */
export function scalarEnd(text: Buffer, at: number): number {
  const byte = text[at];
  if (byte === 0x74) return wordEnd(text, at, TRUE);
  if (byte === 0x66) return wordEnd(text, at, FALSE);
  if (byte === 0x6e) return wordEnd(text, at, NULL);
  return numberEnd(text, at);
}

function wordEnd(text: Buffer, at: number, word: Buffer): number {
  for (let index = 1; index < word.length; index++) if (text[at + index] !== word[index]) return ~at;
  return at + word.length;
}

function numberEnd(text: Buffer, from: number): number {
  let at = from;
  if (text[at] === 0x2d) at++;
  if (text[at] === 0x30) at++;
  else {
    const whole = at;
    while (isDigit(text[at])) at++;
    if (at === whole) return ~at;
  }
  if (text[at] === 0x2e) {
    const fraction = ++at;
    while (isDigit(text[at])) at++;
    if (at === fraction) return ~at;
  }
  const letter = text[at];
  if (letter === 0x65 || letter === 0x45) {
    at++;
    const sign = text[at];
    if (sign === 0x2b || sign === 0x2d) at++;
    const exponent = at;
    while (isDigit(text[at])) at++;
    if (at === exponent) return ~at;
  }
  return at;
}
