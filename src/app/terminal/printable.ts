/**
 * Everything that could move a cursor, reorder or hide text: controls, format characters (bidirectional and zero-width
 * ones among them), separators that break lines, lone surrogates, and characters that are drawn as nothing.
 * The two presentation selectors of emoji are harmless and stay.
 */
const UNSAFE = /(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const UNSAFE_IN_LINES = /(?![\ufe0e\ufe0f\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const PLAIN = /^[\x20-\x7e]*$/;

const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** One line of text from outside, safe to show on a terminal: what is unsafe appears as `\u{…}`. */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escaped);
}

/** The same for text of several lines: line breaks and tabs stay. */
export function printableLines(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSAFE_IN_LINES, escaped);
}

const BETWEEN_TOKENS = /[\t\n\r]+/g;
const UNIT = /[\s\S]/g;

/**
 * JSON text on one line, with escapes in the place of all that is unsafe: it says the same to every parser, and
 * nothing to a terminal. Raw control characters, which strings of JSON may not hold, are escaped as well.
 */
export function jsonLine(json: string): string {
  if (PLAIN.test(json)) return json;
  const escapedUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return json.replace(BETWEEN_TOKENS, " ").replace(UNSAFE, character => character.replace(UNIT, escapedUnit));
}

const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
const DOUBLE_WIDTH =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\ufe0f/u;

/** Columns that one grapheme takes on a terminal. */
function graphemeWidth(grapheme: string): number {
  if (DOUBLE_WIDTH.test(grapheme) || grapheme.includes("\ufe0f")) return 2;
  return ZERO_WIDTH.test(grapheme) ? 0 : 1;
}

const graphemes = (text: string): Iterable<{ segment: string }> => new Intl.Segmenter().segment(text);

/** Columns that a printable text takes on a terminal. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes(text)) width += graphemeWidth(segment);
  return width;
}

/** The text cut to at most `columns`, with an ellipsis where something is missing. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of graphemes(text)) {
    width += graphemeWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
