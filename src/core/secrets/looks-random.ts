const LEAST = 12;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** Whether a text names one of very many things, as keys do and words, numbers, versions and paths do not. */
export const looksRandom = (text: string): boolean => text.split(/[^A-Za-z0-9]+/).some(isRandomWord);

/** Whether there is a UUID in it: the name of something as often as a key. */
export const holdsUuid = (text: string): boolean => UUID.test(text);

function isRandomWord(word: string): boolean {
  if (word.length < LEAST) return false;
  const kinds = Array.from(word, kindOf);
  const changes = kinds.filter((kind, at) => at > 0 && kind !== kinds[at - 1]);
  const digits = kinds.filter(kind => kind === "digit").length;
  if (digits === word.length) return false;
  // Letters and digits in turn, as in no word with a number behind it; or capitals where no word begins.
  const turns = kinds.filter((kind, at) => at > 0 && (kind === "digit") !== (kinds[at - 1] === "digit")).length;
  return turns >= 3 || (digits > 0 && turns >= 2 && changes.length >= 4) || changes.length * 3 >= word.length;
}

const kindOf = (char: string): "digit" | "upper" | "lower" =>
  char >= "0" && char <= "9" ? "digit" : char >= "A" && char <= "Z" ? "upper" : "lower";
