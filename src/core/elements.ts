import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from "./json-tokens.ts";

/**
 * The elements of a JSON array, one after the other, so that whoever takes them can rest in between; `undefined` comes
 * now and then within a long one. Only for text that has been scanned: nothing is checked here.
 */
export function* elementsOf(array: Buffer): Generator<Buffer | undefined> {
  let start = 1;
  let depth = 0;
  let restAt = REST_BYTES;
  for (let at = 1; at < array.length; at++) {
    if (at >= restAt) {
      restAt = at + REST_BYTES;
      yield undefined;
    }
    const byte = array[at];
    if (byte === QUOTE) at = closingQuote(array, at + 1);
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (depth > 0 && (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY)) depth--;
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_ARRAY)) {
      const element = trimmed(array, start, at);
      if (element.length > 0) yield element;
      start = at + 1;
    }
  }
}

const REST_BYTES = 64 * 1024;
/** From here on a native search is worth its call. */
const LONG_STRING = 64;

/** A quote ends the string unless an odd number of backslashes stands before it. */
function closingQuote(text: Buffer, from: number): number {
  let begin = from;
  for (; begin < from + LONG_STRING; begin++) {
    if (text[begin] === QUOTE) return begin;
    if (text[begin] === BACKSLASH) begin++;
  }
  for (let at = text.indexOf(QUOTE, begin); at >= 0; at = text.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (at - 1 - slashes >= begin && text[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

function trimmed(text: Buffer, from: number, to: number): Buffer {
  let [start, end] = [from, to];
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.subarray(start, end);
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
