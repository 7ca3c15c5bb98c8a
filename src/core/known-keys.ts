import { decodeString } from "./json-tokens.ts";

/** Keys that nearly every message has: comparing bytes costs less than making a new string of them. */
const KNOWN_KEYS = (
  "jsonrpc id method params result error _meta name arguments uri code message data content structuredContent " +
  "isError resultType progressToken progress requestId level description inputSchema type text " +
  "io.modelcontextprotocol/protocolVersion io.modelcontextprotocol/clientInfo " +
  "io.modelcontextprotocol/clientCapabilities io.modelcontextprotocol/logLevel " +
  "cursor nextCursor taskId requestState inputResponses inputRequests ref argument context protocolVersion " +
  "capabilities clientInfo serverInfo ttlMs cacheScope"
).split(" ");
/** Sends no two of these keys to one slot; a key that shared one would merely be found the slow way. */
const slotOf = (length: number, first: number, last: number): number => (length * 13 + first * 11 + last) & 255;
const KNOWN_SLOTS: ({ key: string; bytes: Buffer } | undefined)[] = new Array(256).fill(undefined);
for (const text of KNOWN_KEYS) {
  // The engine compares names of properties by where they are in memory, and other texts letter by letter.
  const key = Object.keys({ [text]: 0 })[0] ?? text;
  const bytes = Buffer.from(key);
  const slot = slotOf(bytes.length, bytes[0]!, bytes[bytes.length - 1]!);
  KNOWN_SLOTS[slot] ??= { key, bytes };
}

/** The key between the quotes at `keyStart` and before `keyEnd`, if it is one of those. */
export function knownKey(text: Buffer, keyStart: number, keyEnd: number): string | undefined {
  const length = keyEnd - keyStart - 2;
  if (length === 0) return undefined;
  const known = KNOWN_SLOTS[slotOf(length, text[keyStart + 1]!, text[keyEnd - 2]!)];
  if (known === undefined || known.bytes.length !== length) return undefined;
  const bytes = known.bytes;
  for (let at = 0; at < length; at++) if (bytes[at] !== text[keyStart + 1 + at]) return undefined;
  return known.key;
}

/** The key between these quotes. */
export const keyAt = (text: Buffer, keyStart: number, keyEnd: number): string =>
  knownKey(text, keyStart, keyEnd) ?? decodeString(text, keyStart, keyEnd);
