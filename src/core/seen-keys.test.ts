import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal, scan } from "./scan.fixture.ts";
import { AGENT_MESSAGE, AGENT_TEXT, UPSTREAM_MESSAGE, UPSTREAM_TEXT } from "./scan-limits.ts";

describe("repeated keys", () => {
  it.each([
    '{"id":1,"id":2}',
    '{"na\\u006de":1,"name":2}',
    '{"params":{"name":"a","name":"b"}}',
    '{"result":{"x":1,"y":2,"x":3}}',
    '{"error":{"code":1,"code":2}}',
    '{"params":{"_meta":{"a":1,"\\u0061":2}}}',
    '{"__proto__":1,"__proto__":2}',
    '{"constructor":1,"constructor":2}',
  ])("are refused where we route: %s", text => {
    for (const limits of [AGENT_TEXT, UPSTREAM_TEXT]) expect(refusal(text, limits)).toBe("ambiguous");
  });

  it.each([
    '{"params":{"arguments":{"a":1,"a":2}}}',
    '{"params":{"arguments":{"a":1,"\\u0061":2}}}',
    '{"params":{"arguments":{"x":[{"b":{}},{"b":{"c":1,"d":2,"c":3}}]}}}',
    '{"other":{"a":1,"a":2}}',
    '{"params":{"_meta":{"k":{"k":{"a":1,"a":2}}}}}',
    '{"list":[{"a":1,"a":2}]}',
    '{"list":[{"":1,"":2}]}',
    '{"list":[{"\\ud800":1,"\\udbff":2}]}',
    `{"list":[{"${"k".repeat(70)}":1,"${"k".repeat(70)}":2}]}`,
    `{"list":[{${Array.from({ length: 40 }, (_, at) => `"k${at}":1`).join()},"k3":2}]}`,
    `{"list":[{"k3":1,${Array.from({ length: 40 }, (_, at) => `"k${at}":1`).join()}}]}`,
  ])("are refused of an agent at any depth, and left alone in what an upstream says: %s", text => {
    for (const limits of [AGENT_TEXT, AGENT_MESSAGE]) expect(refusal(text, limits)).toBe("ambiguous");
    for (const limits of [UPSTREAM_TEXT, UPSTREAM_MESSAGE]) expect(refusal(text, limits)).toBeUndefined();
  });

  it("are those of one object, not of its neighbours or of those around it", () => {
    const many = Array.from({ length: 40 }, (_, at) => `"k${at}":{"k${at}":1,"a":1}`).join();
    expect(refusal(`{"x":{"a":{"a":{"a":[{"a":1},{"a":1}]},"b":1},"b":{"a":1},${many}},"a":1}`)).toBeUndefined();
  });

  it("are found in generated objects exactly where JSON has them", () => {
    const key = fc.constantFrom('"a"', '"\\u0061"', '"b"', '"é"', '"\\u00e9"', '"long key with blanks"', '""', '"A"');
    const object = fc.array(
      fc.oneof(
        key,
        fc.string({ maxLength: 3 }).map(text => JSON.stringify(text)),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(object, keys => {
        const names = keys.map(text => JSON.parse(text) as string);
        const text = `{"x":[{${keys.map(name => `${name}:{}`).join()}}]}`;
        expect(refusal(text)).toBe(new Set(names).size < names.length ? "ambiguous" : undefined);
      }),
    );
  });

  it("are named, with the object that they stand in", () => {
    const text = '{"params":{"arguments":{"deep":[{"a":1,"\\u0061":2}]}}}';
    expect(() => scan(text, AGENT_MESSAGE)).toThrow(
      'params.arguments: the key "a" stands twice in one object (byte 39)',
    );
  });

  it("are not seen in keys that only look alike", () => {
    expect(refusal('{"toString":1,"name":2,"Name":3,"\\u043dame":4,"":5,"valueOf":6}')).toBeUndefined();
  });
});
