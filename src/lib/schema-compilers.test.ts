import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OpenSchema } from "../core/repairs.ts";
import { systemClock } from "./clock.ts";
import { createSchemaCompilers, type SchemaCompilers } from "./schema-compilers.ts";

const output = (schema: object): OpenSchema => ({ role: "outputSchema", text: JSON.stringify(schema) });
const input = (schema: object): OpenSchema => ({ role: "inputSchema", text: JSON.stringify(schema) });
/** Takes a compiler far longer than a second. */
const endless = (seed: number): OpenSchema => {
  const properties = Object.fromEntries(
    Array.from({ length: 25_000 }, (_, at) => [`p${at}`, { type: "string", title: `${seed}` }]),
  );
  return output({ $id: `x:${seed}`, type: "object", properties, unevaluatedProperties: false });
};

let compilers: SchemaCompilers;
beforeEach(() => {
  compilers = createSchemaCompilers({ clock: systemClock, eachMs: 1_000 });
});
afterEach(() => compilers.stop());
const verdictOn = ({ role, text }: OpenSchema) => compilers.verdicts(role, text);

describe("compilers", () => {
  it("know nothing before they were asked, and everything afterwards", async () => {
    const [good, bad] = [
      output({ $id: "x:a", type: "object" }),
      output({ $id: "x:a", type: "object", $anchor: "1 2" }),
    ];
    expect(verdictOn(good)).toEqual({ kind: "unknown" });
    await compilers.compile([good, bad, good]);
    expect(verdictOn(good)).toEqual({ kind: "compiles" });
    expect(verdictOn(bad)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("anchor"),
      culprits: undefined,
    });
  });

  it("name the few parts of an input schema without which it compiles", async () => {
    const broken = { $anchor: "1 2" };
    const schema = input({ type: "object", properties: { a: broken, b: { $anchor: "b" } }, not: broken, title: "T" });
    const hopeless = input({ type: "object", $defs: { a: broken }, properties: { b: { $ref: "#/$defs/a" } } });
    await compilers.compile([schema, hopeless]);
    expect(verdictOn(schema)).toMatchObject({ kind: "refused", culprits: [["properties", "a"], ["not"]] });
    expect(verdictOn(hopeless)).toMatchObject({ kind: "refused", culprits: undefined });
  });

  it("hold nobody up who asks for something else while one takes too long, and go on after it", async () => {
    const small = output({ $id: "x:small", type: "object" });
    const slow = [endless(1), endless(2), endless(3)];
    const both = [compilers.compile(slow), compilers.compile([small])];
    await both[1];
    expect(verdictOn(small)).toEqual({ kind: "compiles" });
    await both[0];
    expect(slow.map(verdictOn)).toMatchObject([
      ...[{ kind: "refused", reason: expect.stringMatching(/longer than 1 s|memory/) }, { kind: "refused" }],
      { kind: "unknown" },
    ]);
  });

  it("give up what they have not begun when they are stopped", async () => {
    const schema = output({ $id: "x:a", type: "object" });
    await compilers.stop();
    await compilers.compile([schema]);
    expect(verdictOn(schema)).toEqual({ kind: "unknown" });
  });
});
