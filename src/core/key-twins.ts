/**
 * Keys that are not the same and are taken for the same by readers that are less exact. Go's `encoding/json` takes keys
 * that differ in case, `ſ` for `s` and the Kelvin sign for `k`; Jackson, System.Text.Json and others can be told to;
 * what is written in C ends a key at U+0000.
 */

/** Printable, and without blanks. */
const PLAIN_ASCII = /^[\x21-\x7e]*$/;
const NUL = "\0";
/** Seen by nobody: control and format characters, what fonts pass over, halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{DI}]/gu;

/** What is left of a key when its case, its width, its ligatures and everything that cannot be seen do not count. */
export function foldedKey(key: string): string {
  if (PLAIN_ASCII.test(key)) return key.toLowerCase();
  const nul = key.indexOf(NUL);
  const whole = nul > 0 ? key.slice(0, nul) : key;
  const folded = whole.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
  // Turkish capital I with its dot becomes an i and the dot.
  return folded.replaceAll("i\u0307", "i").replace(UNSEEN, "").trim();
}

/** Between two words of a name: `request_state` and `request-state` are what some call `requestState`. */
const SEPARATORS = /(?<=.)[_-](?=.)/g;

/** The same, where words may also be set apart. */
export const foldedWords = (key: string): string => foldedKey(key).replace(SEPARATORS, "");

/** Tells for which of a few names a key could be taken. */
export interface Twins {
  has(name: string): boolean;
  /** The name that another reader could take this key for; `undefined` for the name itself and for whatever is like none. */
  of(key: string): string | undefined;
}

export function twinsOf(names: Iterable<string>, fold: (key: string) => string): Twins {
  const exact = new Set(names);
  const folded = new Map([...exact].map(name => [fold(name), name]));
  return { has: name => exact.has(name), of: key => (exact.has(key) ? undefined : folded.get(fold(key))) };
}
