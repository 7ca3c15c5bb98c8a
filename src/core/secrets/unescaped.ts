/** Text in which every escape is replaced by what it stands for, and where each of its bytes comes from. */
export interface Unescaped {
  readonly bytes: Buffer;
  /** For each byte: where what it stands for begins and ends in the original. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/**
 * Takes all escapes away, at any depth of escaping in escaping: backslashes with what they escape (JSON, JavaScript,
 * shells, in octal too), percent encoding, character references of HTML. Line breaks with the blanks behind them go too, since Base64
 * and keys are broken into lines. Takes time in proportion to the text.
 */
export function unescaped(text: Buffer): Unescaped {
  const bytes = Buffer.allocUnsafe(text.length + 4);
  const starts = new Uint32Array(text.length + 4);
  const ends = new Uint32Array(text.length + 4);
  let length = 0;
  let at = 0;
  const push = (byte: number, end: number): void => {
    bytes[length] = byte;
    starts[length] = at;
    ends[length++] = end;
  };
  const pushAll = (code: number, end: number): void => {
    if (code < 0x80) push(code, end);
    else for (const byte of Buffer.from(String.fromCodePoint(code))) push(byte, end);
    at = end;
  };
  while (at < text.length) {
    const byte = text[at] as number;
    if (byte === BACKSLASH) {
      const next = skip(text, at, BACKSLASH);
      const kind = text[next];
      if (kind === 0x75) {
        const code = numberAt(text, next + 1, 4);
        if (code >= 0) {
          const low = isHigh(code) ? lowAt(text, next + 5) : undefined;
          if (low) pushAll(0x10000 + ((code - 0xd800) << 10) + (low.code - 0xdc00), low.end);
          else pushAll(code >= 0xd800 && code < 0xe000 ? 0xfffd : code, next + 5);
          continue;
        }
        const braces = text[next + 1] === OPEN_BRACE ? text.indexOf(CLOSE_BRACE, next + 2) - next - 2 : 0;
        const point = braces > 0 && braces <= 6 ? numberAt(text, next + 2, braces) : -1;
        if (point >= 0 && point < 0x110000 && !(point >= 0xd800 && point < 0xe000)) {
          pushAll(point, next + 3 + braces);
          continue;
        }
      } else if (kind !== undefined && kind >= 0x30 && kind < 0x34) {
        const [tens, ones] = [octalAt(text, next + 1), octalAt(text, next + 2)];
        if (tens >= 0 && ones >= 0) {
          const code = (kind - 0x30) * 64 + tens * 8 + ones;
          if (code !== BACKSLASH) push(code, next + 3);
          at = next + 3;
          continue;
        }
      } else if (kind === 0x78) {
        const code = numberAt(text, next + 1, 2);
        if (code >= 0) {
          push(code, next + 3);
          at = next + 3;
          continue;
        }
      }
      at = kind === 0x6e || kind === 0x72 || kind === 0x74 ? next + 1 : next;
    } else if (byte === PERCENT) {
      let digits = at + 1;
      while (text[digits] === 0x32 && text[digits + 1] === 0x35) digits += 2;
      const code = numberAt(text, digits, 2);
      const end = code < 0 ? at + 1 : digits + 2;
      push(code < 0 ? byte : code, end);
      at = end;
    } else if (byte === AMPERSAND) {
      const found = referenceAt(text, at);
      if (found) pushAll(found.code, found.end);
      else {
        push(byte, at + 1);
        at++;
      }
    } else if (byte === 0x0a || byte === 0x0d) {
      at++;
      while (text[at] === 0x20 || text[at] === 0x09) at++;
    } else {
      push(byte, at + 1);
      at++;
    }
  }
  return { bytes: bytes.subarray(0, length), starts, ends };
}

const BACKSLASH = 0x5c;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const octalAt = (text: Buffer, at: number): number => {
  const byte = text[at] ?? 0;
  return byte >= 0x30 && byte < 0x38 ? byte - 0x30 : -1;
};

function skip(text: Buffer, from: number, byte: number): number {
  let at = from;
  while (text[at] === byte) at++;
  return at;
}

const isHigh = (code: number): boolean => code >= 0xd800 && code < 0xdc00;

function lowAt(text: Buffer, at: number): { readonly code: number; readonly end: number } | undefined {
  const next = skip(text, at, BACKSLASH);
  if (next === at || text[next] !== 0x75) return undefined;
  const code = numberAt(text, next + 1, 4);
  return code >= 0xdc00 && code < 0xe000 ? { code, end: next + 5 } : undefined;
}

/** The number that so many hexadecimal digits at a place are; -1 where they are none. */
function numberAt(text: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let place = at; place < at + digits; place++) {
    const digit = DIGITS[text[place] ?? 0] as number;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** What a hexadecimal digit stands for; -1 for what is none. */
export const DIGITS = new Int8Array(256).fill(-1);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}

const REFERENCE =
  /^&(?:amp;)*(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos|nbsp|sol|equals|plus|colon|commat))(?:;|$)/i;
const NAMED: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " },
  ...{ sol: "/", equals: "=", plus: "+", colon: ":", commat: "@" },
};
/** Longest that is read, with a few levels of escaping. */
const REFERENCE_BYTES = 32;

function referenceAt(text: Buffer, at: number): { readonly code: number; readonly end: number } | undefined {
  const found = REFERENCE.exec(text.toString("latin1", at, Math.min(text.length, at + REFERENCE_BYTES)));
  if (!found) return undefined;
  const [whole, decimal, hexadecimal, name] = found;
  const code = name
    ? (NAMED[name.toLowerCase()] ?? "?").charCodeAt(0)
    : Number.parseInt(decimal ?? hexadecimal ?? "", decimal === undefined ? 16 : 10);
  const isCharacter = code < 0x110000 && !(code >= 0xd800 && code < 0xe000);
  return isCharacter ? { code, end: at + whole.length } : undefined;
}
