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
/** No name that means something is as long: such a key is like no other. */
const MOST_CHARACTERS = 128;
/** Beyond so many keys the costlier half is left out, which no reader is known to do. */
export const CLOSELY_FOLDED = 500;

/** What is left of a key when its case does not count, nor the blanks around it, nor what follows a U+0000. */
export function foldedCase(key: string): string {
  if (key.length > MOST_CHARACTERS && key.indexOf(NUL) <= 0) return key;
  if (PLAIN_ASCII.test(key)) return key.toLowerCase();
  const nul = key.indexOf(NUL);
  const whole = (nul > 0 ? key.slice(0, nul) : key).trim();
  if (whole.length > MOST_CHARACTERS) return key;
  // Turkish capital I with its dot becomes an i and the dot.
  return whole.toUpperCase().toLowerCase().replaceAll("i\u0307", "i");
}

/** The same, where width, ligatures and everything that cannot be seen do not count either. */
export function foldedKey(key: string): string {
  const folded = foldedCase(key);
  if (folded.length > MOST_CHARACTERS || PLAIN_ASCII.test(folded)) return folded;
  return foldedCase(folded.normalize("NFKC").replace(UNSEEN, ""));
}

/** Between two words of a name: `request_state` and `request-state` are what some call `requestState`. */
const SEPARATORS = /(?<=.)[_-](?=.)/g;

/** As {@link foldedKey}, where words may also be set apart. */
export const foldedWords = (key: string): string => withoutSeparators(foldedKey(key));

const withoutSeparators = (folded: string): string =>
  folded.length > MOST_CHARACTERS ? folded : folded.replace(SEPARATORS, "");

/** Tells for which of a few names a key could be taken. */
export interface Twins {
  has(name: string): boolean;
  /**
   * The name that another reader could take this key for; `undefined` for the name itself and for whatever is like none.
   * `isOneOfMany`: more than {@link CLOSELY_FOLDED} were asked for before.
   */
  of(key: string, isOneOfMany?: boolean): string | undefined;
}

export function twinsOf(names: Iterable<string>, fold: (key: string) => string): Twins {
  const exact = new Set(names);
  const folded = new Map([...exact].map(name => [fold(name), name]));
  return {
    has: name => exact.has(name),
    of(key, isOneOfMany = false) {
      if (exact.has(key)) return undefined;
      return folded.get((isOneOfMany ? foldedCase : fold)(key));
    },
  };
}
