/**
 * JSON text whose strings and names were each put through `hide`. Takes strings apart and puts them together again, so that
 * what comes out is as well-formed as what went in; everything between them stays as it is. The same object where nothing
 * was hidden. Where clients read Base64 and refuse a result in which it is none, it stays Base64.
 */
export function hideInJson(json: Buffer, hide: (text: string, markOf?: MarkOf) => string): Buffer {
  const parts: Buffer[] = [];
  let copied = 0;
  let names = 0;
  const replace = (start: number, end: number, text: string): void => {
    parts.push(json.subarray(copied, start), Buffer.from(JSON.stringify(text)));
    copied = end;
  };
  let at = 0;
  while (at < json.length) {
    const byte = json[at] as number;
    if (byte === QUOTE) {
      const end = stringEnd(json, at);
      const said = decoded(json, at, end);
      const hidden = hide(said);
      // Two names that were different stay so: a name that stands twice would be refused.
      if (hidden !== said && holdsBytes(json, at, said)) replace(at, end, hide(said, asterisks));
      else if (hidden !== said) replace(at, end, isName(json, end) && ++names > 1 ? `${hidden} ${names}` : hidden);
      at = end;
    } else if (isNumeric(byte)) {
      const start = at;
      while (isNumeric(json[at] ?? 0)) at++;
      const said = json.toString("latin1", start, at);
      const hidden = hide(said);
      if (hidden !== said) replace(start, at, hidden);
    } else at++;
  }
  return copied === 0 ? json : Buffer.concat([...parts, json.subarray(copied)]);
}

/** What stands in the place of the bytes from one place to another. */
export type MarkOf = (start: number, end: number) => string;

/** Members that the protocol has in Base64: `blob` of a resource, `data` of a picture or a sound. */
const BYTES = /"(?:blob|data)"\s*:\s*$/;
const holdsBytes = (json: Buffer, start: number, said: string): boolean =>
  said.length % 4 === 0 &&
  /^[A-Za-z0-9+/]+={0,2}$/.test(said) &&
  BYTES.test(json.toString("latin1", Math.max(0, start - 16), start));

/** Base64 of asterisks, as many as it takes, in step with what stands before and behind. */
const asterisks: MarkOf = (start, end) => {
  let text = "";
  for (let at = start; at < end; at++) text += ASTERISKS.charAt(at % 4);
  return text;
};
const ASTERISKS = "Kioq";

const QUOTE = 0x22;

/** The place behind the string that begins at `start`. */
function stringEnd(json: Buffer, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at >= 0; at = json.indexOf(QUOTE, at + 1)) {
    let slashes = at;
    while (json[slashes - 1] === 0x5c) slashes--;
    if ((at - slashes) % 2 === 0) return at + 1;
  }
  return json.length;
}

/** What a string says; as it is spelled, where it is broken. */
function decoded(json: Buffer, start: number, end: number): string {
  const text = json.toString("utf8", start, end);
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, text.endsWith('"') ? -1 : undefined);
  }
}

function isName(json: Buffer, end: number): boolean {
  let at = end;
  while (json[at] === 0x20 || json[at] === 0x09 || json[at] === 0x0a || json[at] === 0x0d) at++;
  return json[at] === 0x3a;
}

/** Digits, signs, point and exponent. */
const isNumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2e || byte === 0x2b || byte === 0x45 || byte === 0x65;
