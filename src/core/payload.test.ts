import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Payload } from "./payload.ts";
import { AGENT_MESSAGE } from "./scan-limits.ts";

const text = (payload: Payload | undefined): string | undefined => payload?.bytes.toString();

describe("a payload", () => {
  it("keeps the text it arrived in, spellings included", () => {
    const source = '{ "big": 12345678901234567890, "float": 1.0, "na\\u006de" : "\\u0041",\n"x":[1 ,2] }';
    const payload = Payload.parse(` ${source} `);
    expect(text(payload)).toBe(source);
    expect(payload.size).toBe(source.length);
    expect(payload.raw("big")?.toString()).toBe("12345678901234567890");
    expect(payload.raw("x")?.toString()).toBe("[1 ,2]");
    expect(payload.string("name")).toBe("A");
    expect([...payload.keys()]).toEqual(["big", "float", "name", "x"]);
  });

  it("tells strings and objects from everything else", () => {
    const payload = Payload.parse('{"s":"t","n":1,"o":{"k":"v"},"a":[{}],"z":null}');
    expect(payload.string("s")).toBe("t");
    for (const key of ["n", "o", "a", "z", "absent"]) expect(payload.string(key)).toBeUndefined();
    expect(payload.object("o")?.string("k")).toBe("v");
    for (const key of ["s", "n", "a", "z", "absent"]) expect(payload.object(key)).toBeUndefined();
    expect(payload.has("z")).toBe(true);
    expect(payload.raw("absent")).toBeUndefined();
  });

  it("never finds members that only the language put there", () => {
    const payload = Payload.parse("{}");
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(payload.has(key)).toBe(false);
      expect(payload.raw(key)).toBeUndefined();
    }
    expect(text(Payload.parse('{"__proto__":{"a":1}}').object("__proto__"))).toBe('{"a":1}');
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  it("reads a nested object with a repeated key as JSON.parse does", () => {
    const params = Payload.parse('{"arguments":{"a":1,"a":2}}');
    expect(params.object("arguments")?.raw("a")?.toString()).toBe("2");
    expect(text(params.object("arguments"))).toBe('{"a":1,"a":2}');
  });

  it("tells the keys of the arguments in a message, and of any other object", () => {
    const keys = { a: 1, name: 2, é: 3, "n\\u0061me2": { b: 1 } };
    const text = JSON.stringify({ params: { arguments: keys, task: { ttl: 1 } } }).replaceAll("\\\\", "\\");
    const message = Payload.parse(text, AGENT_MESSAGE);
    const params = message.object("params")!;
    expect(params.keysOf("arguments")).toEqual(["a", "name", "é", "name2"]);
    expect(params.keysOf("task")).toEqual(["ttl"]);
    expect(params.with({ name: "1" }).keysOf("arguments")).toEqual(["a", "name", "é", "name2"]);
    expect(message.keysOf("nothing")).toEqual([]);
  });

  it("gives the elements of a list that are objects, each in its own text", () => {
    const result = Payload.parse('{"tools":[ {"name" : "a"} ,1,[{}],"}",{"name":"b","name":"c"}],"empty":[],"no":{}}');
    expect(result.list("tools")?.map(text)).toEqual(['{"name" : "a"}', '{"name":"b","name":"c"}']);
    expect(result.list("tools")?.[0]?.string("name")).toBe("a");
    expect(result.list("empty")).toEqual([]);
    expect(result.list("no")).toBeUndefined();
  });
});

const key = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "name", "a", "b", "c", "0", "1", "", "params", "_meta"),
  fc.string({ unit: "grapheme" }),
);
const members = fc.uniqueArray(fc.tuple(key, fc.jsonValue()), { maxLength: 6, selector: ([name]) => name });
const changes = fc.uniqueArray(fc.tuple(key, fc.option(fc.jsonValue(), { nil: undefined })), {
  maxLength: 5,
  selector: ([name]) => name,
});
/** An object whose keys may be `__proto__`. */
const record = <T>(entries: readonly (readonly [string, T])[]): Record<string, T> => Object.fromEntries(entries);

describe("a changed payload", () => {
  it("equals the same change of the parsed value, and keeps the text of every other member", () => {
    fc.assert(
      fc.property(members, changes, fc.constantFrom("", " ", "\n\t"), (before, change, blank) => {
        const source = `{${blank}${before.map(([k, v]) => `${JSON.stringify(k)}${blank}:${blank}${JSON.stringify(v)}${blank}`).join(`,${blank}`)}}`;
        const original = Payload.parse(source);
        const changed = original.with(record(change.map(([k, v]) => [k, v === undefined ? v : JSON.stringify(v)])));

        const expected = new Map(before);
        for (const [k, v] of change) {
          if (v === undefined) expected.delete(k);
          else expected.set(k, v);
        }
        const parsed = JSON.parse(changed.bytes.toString()) as Record<string, unknown>;
        expect(Object.keys(parsed).sort()).toEqual([...expected.keys()].sort());
        for (const [k, v] of expected) expect(parsed[k]).toEqual(JSON.parse(JSON.stringify(v)));

        const touched = new Set(change.map(([k]) => k));
        for (const [k] of before) if (!touched.has(k)) expect(changed.raw(k)).toEqual(original.raw(k));
        const rescanned = Payload.parse(changed.bytes);
        expect([...changed.keys()]).toEqual([...rescanned.keys()]);
        for (const k of changed.keys()) {
          expect(changed.raw(k)).toEqual(rescanned.raw(k));
          expect(changed.string(k)).toBe(rescanned.string(k));
          expect(text(changed.object(k))).toBe(text(rescanned.object(k)));
        }
        expect(text(original)).toBe(source);
      }),
      { numRuns: 500 },
    );
  });

  it("changes the member and not its like deeper down", () => {
    const params = Payload.parse(
      '{"arguments":{"name":"gh__create","q":"\\"name\\":\\"gh__create\\""},"name":"gh__create"}',
    );
    expect(text(params.with({ name: '"create"' }))).toBe(
      '{"arguments":{"name":"gh__create","q":"\\"name\\":\\"gh__create\\""},"name":"create"}',
    );
  });

  it("changes a member whose key is spelled with escapes, under that spelling", () => {
    expect(text(Payload.parse('{"na\\u006de" : "a", "x": 1}').with({ name: '"b"' }))).toBe(
      '{"na\\u006de" : "b","x": 1}',
    );
  });

  it("can be changed again, and read", () => {
    const payload = Payload.parse('{"a":{"b":{"c":1}}}')
      .with({ d: Buffer.from("[1]") })
      .with({ a: undefined, e: '"f"' });
    expect(text(payload)).toBe('{"d":[1],"e":"f"}');
    expect(payload.string("e")).toBe("f");
    expect(payload.value()).toEqual({ d: [1], e: "f" });
  });

  it("becomes empty when its last member goes", () => {
    const payload = Payload.parse('{"a":1}').with({ a: undefined, never: undefined });
    expect(text(payload)).toBe("{}");
    expect(payload.isEmpty).toBe(true);
  });
});

it("of our own may have any number of keys", () => {
  const status = { rows: Array.from({ length: 60_000 }, (_, at) => ({ at })) };
  expect(Payload.of(status).value()).toEqual(status);
});
