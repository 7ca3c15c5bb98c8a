import type { Draw } from "./random.ts";

/** What parsers stumble over, as text that is put somewhere. */
const TOKENS: readonly Buffer[] = [
  ...["\0", "\r\n", "\n\n", "\u2028", "\ufeff", "\x1b[31m", "{", "}", "[", "]", '"', "\\", ",", ":", "null", "true"],
  ...['"\\ud800"', '"__proto__":{"x":1},', '"constructor":', '"id":null,', '"id":1.5,', '"id":"",', '"id":{},'],
  ...['"method":7,', '"params":[],', '"params":null,', '"jsonrpc":"1.0",', '"result":{},', '"error":"no",'],
  ...['"_meta":{},', '"_meta":7,', "1e999", "-0", "1".repeat(400), "0x10", "NaN", "{{id}}", "data: ", "event: x\n"],
  ...["[".repeat(200), '{"a":'.repeat(200), "x".repeat(3_000), "\\u0000", "\u{1f600}", "HTTP/1.1 200 OK\r\n\r\n"],
  ...[": comment\n", "id: \0\n", "retry: 0\n", "content-length: 5\r\n", "transfer-encoding: chunked\r\n", "\t", " "],
].map(text => Buffer.from(text));
const BYTES = [
  Buffer.from("fffe", "hex"),
  Buffer.from("c080", "hex"),
  Buffer.from("eda080", "hex"),
  Buffer.from("80", "hex"),
];
const PIECES = [...TOKENS, ...BYTES];

/** Values of every type that a member may suddenly have. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER + 2, "", " ", "\ud800", "x".repeat(5_000)],
  ...[[], {}, [[]], [null], { "": "" }, { a: { b: { c: [] } } }, JSON.parse('{"__proto__":{"x":1}}'), ["2.0"], "\0"],
  ...["../../etc/passwd", "tools/call", "initialize", "notifications/cancelled", "2026-07-28", "=?base64?!!?=", "é"],
];

type Mutation = (bytes: Buffer, draw: Draw) => Buffer;

const spot = (bytes: Buffer, draw: Draw): number => draw.below(bytes.length + 1);
const splice = (bytes: Buffer, at: number, removed: number, added: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);

const ON_BYTES: readonly Mutation[] = [
  (bytes, draw) => splice(bytes, spot(bytes, draw), 0, draw.pick(PIECES)),
  (bytes, draw) => splice(bytes, spot(bytes, draw), 1, Buffer.of(draw.below(256))),
  (bytes, draw) => splice(bytes, spot(bytes, draw), 1 + draw.below(20), Buffer.alloc(0)),
  (bytes, draw) => bytes.subarray(0, spot(bytes, draw)),
  (bytes, draw) => {
    const [at, length] = [spot(bytes, draw), 1 + draw.below(60)];
    return splice(bytes, at, 0, bytes.subarray(at, at + length));
  },
  (bytes, draw) => splice(bytes, spot(bytes, draw), 2, draw.pick(PIECES)),
];

/** Keys that some readers take for the same. */
const TWINS: readonly ((key: string) => string)[] = [
  key => key.toUpperCase(),
  key => key.charAt(0).toUpperCase() + key.slice(1),
  key => key.replace(/s/g, "\u017f").replace(/k/gi, "\u212a"),
  key => `${key}\0`,
  key => `${key} `,
  key => key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
];
/** Marks a key that is there already, until the text is made. */
const SECOND = "\ue000";

type Holder = Record<string, unknown>;

/** Every object in a value, the value itself too. */
function objectsIn(value: unknown): Holder[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Holder, ...Object.values(value).flatMap(objectsIn)];
}

const ON_OBJECTS: readonly ((holder: Holder, key: string, draw: Draw) => void)[] = [
  (holder, key, draw) => {
    holder[key] = draw.pick(VALUES);
  },
  (holder, key) => {
    delete holder[key];
  },
  (holder, key, draw) => {
    holder[`${key}${draw.pick(["", " ", "\0", "_", key])}x`] = holder[key];
  },
  (holder, key, draw) => {
    holder[draw.pick(TWINS)(key)] = draw.pick(VALUES);
  },
  // The same key a second time, which no object can hold.
  (holder, key, draw) => {
    holder[`${SECOND}${key}`] = draw.pick(VALUES);
  },
  (holder, key) => {
    holder[key] = [holder[key], holder[key]];
  },
  (holder, key) => {
    holder[key] = JSON.stringify(holder[key]);
  },
];

/** Changes members where the text is JSON, so that what comes out is JSON as well: it reaches further in. */
function mutateObject(bytes: Buffer, draw: Draw): Buffer | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    for (let left = 1 + draw.below(2); left > 0; left--) {
      const holder = draw.pick(objectsIn(value));
      const keys = Object.keys(holder ?? {});
      if (keys.length > 0) draw.pick(ON_OBJECTS)(holder, draw.pick(keys), draw);
    }
    return Buffer.from(JSON.stringify(value).replaceAll(SECOND, ""));
  } catch {
    return undefined;
  }
}

/** A malformed relative of the bytes. Now and then it is still good. */
export function mutate(bytes: Buffer, draw: Draw): Buffer {
  if (draw.chance(0.5)) {
    const changed = mutateObject(bytes, draw);
    if (changed) return changed;
  }
  let mutated = bytes;
  for (let left = 1 + draw.below(3); left > 0; left--) mutated = draw.pick(ON_BYTES)(mutated, draw);
  return mutated;
}
