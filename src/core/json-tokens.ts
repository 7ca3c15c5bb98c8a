/** The bytes that JSON is made of. https://www.rfc-editor.org/rfc/rfc8259 */
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;

export const TRUE = Buffer.from("true");
export const FALSE = Buffer.from("false");
export const NULL = Buffer.from("null");
/** 1 for every byte that stands for itself inside a string. */
export const PLAIN = new Uint8Array(256).fill(1, 0x20);
PLAIN[QUOTE] = 0;
PLAIN[BACKSLASH] = 0;
/** 1 for every byte that makes an escape with the backslash before it. */
export const ESCAPED = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) ESCAPED[byte] = 1;
export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
export const isHex = (byte: number | undefined): boolean =>
  byte !== undefined && (isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66));

/** The value of the JSON string between `start` and `end`, quotes included. */
export function decodeString(text: Buffer, start: number, end: number): string {
  const raw = text.toString("utf8", start + 1, end - 1);
  return raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
}

const REFERENCES = ["resource", "resource_link"].map(word => Buffer.from(`"${word}`));
const [EMBEDDED, LINK] = REFERENCES.map(word => word.length) as [number, number];

/** Whether the string between these quotes is a word with which something refers to a resource. */
export const isReference = (text: Buffer, open: number, close: number): boolean =>
  (close - open === EMBEDDED || close - open === LINK) &&
  text[open + 1] === 0x72 &&
  REFERENCES.some(word => text.compare(word, 0, word.length, open, close) === 0);
