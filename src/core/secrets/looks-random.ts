const LEAST = 12;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** Whether a text names one of very many things, as keys do and words, numbers, versions and paths do not. */
export const looksRandom = (text: string): boolean => text.split(/[^A-Za-z0-9]+/).some(isRandomWord);

/** Whether there is a UUID in it: the name of something as often as a key. */
export const holdsUuid = (text: string): boolean => UUID.test(text);

function isRandomWord(word: string): boolean {
  if (word.length < LEAST) return false;
  let changes = 0;
  let turns = 0;
  let digits = 0;
  let before: Kind | undefined;
  for (let at = 0; at < word.length; at++) {
    const kind = kindOf(word.charCodeAt(at));
    if (kind === "digit") digits++;
    if (before !== undefined && kind !== before) {
      changes++;
      if (kind === "digit" || before === "digit") turns++;
    }
    before = kind;
  }
  if (digits === word.length) return false;
  // Letters and digits in turn, as in no word with a number behind it; or capitals where no word begins.
  return turns >= 3 || (digits > 0 && turns >= 2 && changes >= 4) || changes * 3 >= word.length;
}

type Kind = "digit" | "upper" | "lower";
const kindOf = (code: number): Kind =>
  code >= 0x30 && code <= 0x39 ? "digit" : code >= 0x41 && code <= 0x5a ? "upper" : "lower";
