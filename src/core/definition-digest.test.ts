import { describe, expect, it } from "vitest";
import { definitionDigest, definitionDigests, wholeDefinition } from "./definition-digest.ts";
import { Payload } from "./payload.ts";
import { OWN_TEXT } from "./scan-limits.ts";

const digest = (text: string): string =>
  definitionDigest(Payload.parse(text, { ...OWN_TEXT, duplicates: "last_counts" }));

describe("a digest of a definition", () => {
  it("does not depend on the order of keys or on white space", () => {
    expect(digest('{"a":1,"b":{"c":[1,2],"d":"x"}}')).toBe(digest('{ "b": {"d":"x", "c":[1, 2]}, "a":1 }'));
  });

  it.each([
    ['{"a":"1:2\\"3:04\\\\","b":-12.5}', '{"b":-12.5,"a":"1:2\\"3:04\\\\"}'],
    ['{"a":"","b":{"c:1":[true,100]}}', '{"b":{"c:1":[true,100]},"a":""}'],
    ['{"a":"01","b":"\\n007"}', '{"b":"\\n007","a":"01"}'],
  ])("does not take for numbers or keys what stands in texts: %s", (one, other) => {
    expect(digest(one)).toBe(digest(other));
    const [payload, same] = [one, other].map(text => Payload.parse(text));
    const digests = definitionDigests();
    expect(digests(payload!)).toBe(digest(one));
    expect([digests(payload!), digests(same!)]).toEqual([digest(one), digest(one)]);
  });

  it.each([
    ['{"a":null}', "{}"],
    ['{"a":12345678901234567890,"b":1}', '{"a":12345678901234567891,"b":1}'],
    ['{"a":[1,2]}', '{"a":[2,1]}'],
    ['{"a":9007199254740993}', '{"a":9007199254740992}'],
    ['{"a":1e400}', '{"a":1e500}'],
    ['{"a":"1"}', '{"a":1}'],
    ['{"s":{"x":1,"x":2}}', '{"s":{"x":2}}'],
    ['{"s":{"x":1,"x":2}}', '{"s":{"x":3,"x":2}}'],
    ['{"_meta":{"v":1}}', '{"_meta":{"v":2}}'],
    ['{"a":"\\u0455"}', '{"a":"s"}'],
  ])("tells %s from %s", (one, other) => {
    expect(digest(one)).not.toBe(digest(other));
  });

  it("survives hostile keys, and what cannot be parsed", () => {
    const hostile = '{"name":"t","inputSchema":{"__proto__":{"polluted":1},"constructor":1}}';
    expect(wholeDefinition(Payload.parse(hostile))).toContain('{"__proto__":{"polluted":1},"constructor":1}');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    const deep = `{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
    const payload = { bytes: Buffer.from(deep) } as unknown as Payload;
    expect(wholeDefinition(payload)).toBe(deep);
  });
});
