import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  decodeString,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from "./json-tokens.ts";
import type { Payload } from "./payload.ts";

/** Longer ones are not worth remembering. */
export const MAX_REFERENCE = 2_048;

/** An object that is open at a place in the text, as far as it may be a link; an array is one without members. */
interface Open {
  readonly isArray: boolean;
  awaitsKey: boolean;
  key: string;
  type: string;
  /** Where the text of its own `uri` lies, and that of its member `resource`; `0` where there is none. */
  uri: Span;
  resource: Span;
}
interface Span {
  readonly start: number;
  readonly end: number;
}
const NOWHERE: Span = { start: 0, end: 0 };

/**
 * The URIs that a result refers to, wherever in it: those of links to resources and of resources that it holds. The
 * scan of a message has seen whether there can be any; only then is it gone through.
 * https://modelcontextprotocol.io/specification/draft/server/tools#resource-links
 */
export function referencesIn(message: Payload, most: number): string[] {
  if (!message.refers) return [];
  const text = message.bytes;
  const found: string[] = [];
  const stack: Open[] = [];
  let top: Open | undefined;
  for (let at = 0; at < text.length && found.length < most; at++) {
    switch (text[at]) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (top && !top.isArray) note(top, text, { start: at, end });
        at = end - 1;
        break;
      }
      case COMMA:
        if (top) top.awaitsKey = !top.isArray;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY: {
        const isArray = text[at] === OPEN_ARRAY;
        top = { isArray, awaitsKey: !isArray, key: "", type: "", uri: NOWHERE, resource: NOWHERE };
        stack.push(top);
        break;
      }
      case CLOSE_OBJECT:
      case CLOSE_ARRAY: {
        const closed = stack.pop();
        top = stack.at(-1);
        const uri = closed && uriOf(closed, text);
        if (uri !== undefined) found.push(uri);
        if (closed && top?.key === "resource") top.resource = closed.uri;
      }
    }
  }
  return found;
}

/** The URIs of what was read: one resource may be answered with several. */
export const contentUris = (result: Payload, most: number): string[] =>
  result.list("contents", most)?.flatMap(content => content.string("uri") ?? []) ?? [];

function note(open: Open, text: Buffer, span: Span): void {
  if (open.awaitsKey) {
    open.key = wordAt(text, span);
    open.awaitsKey = false;
  } else if (open.key === "type") open.type = wordAt(text, span);
  else if (open.key === "uri") open.uri = span;
}

const LONGEST_WORD = "resource_link".length;

/** A short string as it is written, `""` for a longer one. */
const wordAt = (text: Buffer, { start, end }: Span): string =>
  end - start - 2 > LONGEST_WORD ? "" : text.toString("latin1", start + 1, end - 1);

function uriOf({ type, uri, resource }: Open, text: Buffer): string | undefined {
  const { start, end } = type === "resource_link" ? uri : type === "resource" ? resource : NOWHERE;
  if (end === 0 || end - start - 2 > MAX_REFERENCE) return undefined;
  try {
    return decodeString(text, start, end);
  } catch {
    // The scan of a large string does not look at its escapes.
    return undefined;
  }
}

/** The place behind the closing quote. */
function endOfString(text: Buffer, start: number): number {
  for (let at = text.indexOf(QUOTE, start + 1); at >= 0; at = text.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}
