import { isSecretName, NAME_IN_TEXT } from "./secret-names.ts";
import { MARK } from "./sensitive.ts";

/** Where a value lies in the text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Removes the values of secret names in text: `name=value`, `name: value`, `name => value`, `--name value`,
 * `<name>value</name>`, `Authorization: Scheme value`, query parameters, and JSON in any depth of escaping. Where it is
 * not clear how far a value goes, it goes further.
 */
export function redactPairs(text: string): string {
  let out = "";
  let from = 0;
  let skipTo = 0;
  for (const match of text.matchAll(NAME_IN_TEXT)) {
    if (match.index < skipTo) continue;
    const name = wordAround(text, { start: match.index, end: match.index + match[0].length }, skipTo);
    skipTo = name.end;
    if (!isSecretName(text.slice(name.start, name.end))) continue;
    const value = valueAfter(text, name);
    if (!value) continue;
    out += text.slice(from, value.start) + MARK;
    from = value.end;
    skipTo = value.end;
  }
  return out + text.slice(from);
}

/** Where the value lies that follows the word at `name`, if a separator stands between them. */
export function valueAfter(text: string, name: Span): Span | undefined {
  const isFlag = text[name.start] === "-";
  const separator =
    matchAt(SEPARATOR, text, name.end) ??
    (isFlag ? matchAt(FLAG_SEPARATOR, text, name.end) : matchAt(CALL, text, name.end)) ??
    (/\(\s?\\*["'`]$/.test(text.slice(Math.max(0, name.start - 4), name.start))
      ? matchAt(NEXT_ARGUMENT, text, name.end)
      : undefined);
  if (!separator) return undefined;
  const start = name.end + separator.length;
  if (
    BREAK_BEHIND.test(separator) &&
    indentAt(text, lineStart(text, start)) > indentAt(text, lineStart(text, name.start))
  ) {
    return { start, end: blockEnd(text, start, name) };
  }
  const found = separator === ">" ? contentAt(text, start, name) : valueAt(text, start, name);
  return found.end > found.start ? found : undefined;
}

/** Letters, digits, `_`, `.` and `-` around a place; not before `floor`. */
export function wordAround(text: string, place: Span, floor: number): Span {
  let { start, end } = place;
  while (start > floor && isWord(text.charCodeAt(start - 1))) start--;
  while (end < text.length && isWord(text.charCodeAt(end))) end++;
  return { start, end };
}

const isWord = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x30 && code <= 0x39) ||
  code === 0x5f ||
  code === 0x2d ||
  code === 0x2e;

const matchAt = (sticky: RegExp, text: string, at: number): string | undefined => {
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0];
};

const SEPARATOR =
  /(?:\*{0,2}(?:\\*["'`]|&quot;|&#3[49];)?\]?\s{0,16}(?:=>|::?=?|={1,3})\*{0,2}\s{0,64}|>(?!\s)|\s{1,4}(?:->|→)\s{1,4})/y;
const FLAG_SEPARATOR = /\\*["'`]?(?:\s{0,8},\s{0,8}|\s{1,8})(?!\s|\\*["'`]?-)/y;
/** `setPassword("…")`, `variable "password" { … }`, and `define("PASSWORD", "…")`. */
const CALL = /\s?\(\s{0,4}(?=\\*["'`])|\\*["'`]\s{0,4}(?=\{)/y;
const NEXT_ARGUMENT = /\\*["'`]\s{0,4},\s{0,16}(?=\\*["'`])/y;
/** What is in the lines below, indented more, belongs to the name as a whole. */
const BREAK_BEHIND = /:[ \t]*\r?\n[ \t]*$/;
const SCHEME = /(?:bearer|basic|digest|token|negotiate|apikey)(?:\s|%20|\+){1,8}/iy;
const OPENING_QUOTE = /\\*["'`]/y;
const UP_TO_TAG = /[^<]*/y;
const REST_OF_LINE = /[^\r\n]*/y;
/** Up to white space, the next parameter, a closing quote, a tag, or punctuation that ends a clause. */
const BARE = /(?:[^\s"'`&<,;]|[,;](?=\S)|["'`](?=\w)|&(?![\w.-]*=)|<(?![a-z/!]))+/iy;
const BARE_IN_JSON = /[^\s,}\]"']+/y;
/** Header fields whose whole line is secret. */
const WHOLE_LINE = /authori[sz]ation|cookie/i;

/** What an element holds; nothing follows a closing tag. */
function contentAt(text: string, start: number, name: Span): Span {
  const length = text[name.start - 1] === "/" ? 0 : (matchAt(UP_TO_TAG, text, start)?.length ?? 0);
  return { start, end: start + length };
}

function valueAt(text: string, start: number, name: Span): Span {
  const tag = matchAt(YAML_TAG, text, start) ?? matchAt(TYPE, text, start);
  if (tag !== undefined) return valueAt(text, start + tag.length, name);
  const first = text[start];
  const block = first === "|" || first === ">" ? matchAt(BLOCK, text, start) : undefined;
  if (block !== undefined) return { start: start + block.length, end: blockEnd(text, start + block.length, name) };
  const document = first === "<" ? matchAt(HERE_DOCUMENT, text, start) : undefined;
  if (document !== undefined) return { start: start + document.length, end: documentEnd(text, start, document) };
  if (first === "(") return { start, end: bracketsEnd(text, start) };
  if (first === "{" || first === "[") return { start, end: bracketsEnd(text, start) };
  const quote = matchAt(OPENING_QUOTE, text, start);
  if (quote !== undefined) return quotedValue(text, start, quote);
  if (isQuote(text[name.end]) || text[name.end] === "\\") {
    return { start, end: start + (matchAt(BARE_IN_JSON, text, start)?.length ?? 0) };
  }
  if (WHOLE_LINE.test(text.slice(name.start, name.end))) {
    const lineEnd = start + (matchAt(REST_OF_LINE, text, start)?.length ?? 0);
    const enclosing = text[name.start - 1];
    const close = enclosing !== undefined && isQuote(enclosing) ? text.indexOf(enclosing, start) : -1;
    return { start, end: close >= 0 ? Math.min(close, lineEnd) : lineEnd };
  }
  const afterScheme = start + (matchAt(SCHEME, text, start)?.length ?? 0);
  return { start, end: afterScheme + (matchAt(BARE, text, afterScheme)?.length ?? 0) };
}

/** The type of a constant between its name and its value. */
const TYPE = /[A-Za-z_][\w.<>?!]{0,32}\s{0,3}=\s{0,3}(?=\\*["'`])/y;

/** A text in the lines below, up to a line that holds the same word again. */
const HERE_DOCUMENT = /<<[-~]?["']?(\w{1,32})["']?[^\n]{0,64}\n/y;

function documentEnd(text: string, start: number, opening: string): number {
  const [, word = ""] = /(\w+)/.exec(opening) ?? [];
  const from = start + opening.length;
  const end = new RegExp(`^[ \\t]*${word}\\b`, "m").exec(text.slice(from));
  return end ? from + end.index : text.length;
}

/** A tag or an anchor of YAML before the value. */
const YAML_TAG = /(?:!{1,2}[\w-]{1,32}|&[\w-]{1,32})[ \t]{1,8}(?=\S)/y;

/** A value of YAML that stands in the lines below, as far as they are indented more. */
const BLOCK = /[|>][+-]?\d?[+-]?[ \t]{0,16}(?:#[^\n]*)?\r?\n/y;

function blockEnd(text: string, from: number, name: Span): number {
  const indent = indentAt(text, lineStart(text, name.start));
  let end = from;
  while (end < text.length) {
    const lineEnd = text.indexOf("\n", end);
    const next = lineEnd < 0 ? text.length : lineEnd;
    if (text.slice(end, next).trim() !== "" && indentAt(text, end) <= indent) break;
    end = lineEnd < 0 ? next : next + 1;
  }
  return text[end - 1] === "\n" ? end - 1 : end;
}

const lineStart = (text: string, at: number): number => (at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1);

function indentAt(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\t" || text[at] === "-") at++;
  return at - start;
}

const isQuote = (char: string | undefined): boolean => char === '"' || char === "'" || char === "`";

/** A quoted value without its quotes; with them where more is glued to it (`'it''s'`, `"""text"""`, `"a"b`). */
function quotedValue(text: string, start: number, quote: string): Span {
  const first = quoted(text, start, quote);
  let end = first.end;
  for (let more = matchAt(GLUED, text, end); more !== undefined; more = matchAt(GLUED, text, end)) {
    end = isQuote(more.at(-1)) ? quoted(text, end, more).end : end + more.length;
  }
  return end === first.end ? first.inner : { start, end };
}

const GLUED = /\\*["'`]|\w+/y;

/**
 * The quoted text at `start`. Its closing quote has as many backslashes as the opening one, or as many as an escaped
 * backslash before it adds; one with fewer closes a string around it; where there is none, everything belongs to it.
 */
function quoted(text: string, start: number, quote: string): { readonly inner: Span; readonly end: number } {
  const from = start + quote.length;
  const depth = quote.length - 1;
  const char = quote.at(-1) ?? '"';
  for (let at = text.indexOf(char, from); at >= 0; at = text.indexOf(char, at + 1)) {
    const slashes = slashesBefore(text, at, from);
    if (slashes < depth) return { inner: { start: from, end: at - slashes }, end: at - slashes };
    if (Math.floor((slashes - depth) / (depth + 1)) % 2 === 0)
      return { inner: { start: from, end: at - depth }, end: at + 1 };
  }
  return { inner: { start: from, end: text.length }, end: text.length };
}

function slashesBefore(text: string, at: number, floor: number): number {
  let start = at;
  while (start > floor && text.charCodeAt(start - 1) === 0x5c) start--;
  return at - start;
}

/** The place after the bracket that closes the one at `start`; the end of the text where there is none. */
function bracketsEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === "{" || char === "[" || char === "(") depth++;
    else if ((char === "}" || char === "]" || char === ")") && --depth === 0) return at + 1;
    else if (char === '"') {
      const slashes = slashesBefore(text, at, start);
      at = quoted(text, at - slashes, text.slice(at - slashes, at + 1)).end - 1;
    }
  }
  return text.length;
}
