import { describe, expect, it } from "vitest";
import { Payload } from "./payload.ts";
import { repair } from "./repair.ts";
import { createRepairs } from "./repairs.ts";
import { NO_COMPILERS, type SchemaVerdicts, type Verdict } from "./schema-verdicts.ts";

const FINE = { type: "object", properties: { a: { type: "string" } } };
/** Has a name of its own, so that only a compiler can judge it. */
const NAMED = { ...FINE, $anchor: "named" };
const says =
  (verdict: Verdict): SchemaVerdicts =>
  () =>
    verdict;
const REFUSED: Verdict = { kind: "refused", reason: "not this one", culprits: undefined };

function shown(definition: object, verdicts: SchemaVerdicts = NO_COMPILERS) {
  const repaired = repair("tool", Payload.of({ name: "t", inputSchema: { type: "object" }, ...definition }), verdicts);
  if (repaired.kind === "hidden") throw new Error(repaired.reason);
  const { inputSchema, outputSchema } = repaired.definition.value<{ inputSchema: object; outputSchema?: object }>();
  return { inputSchema, outputSchema, reason: repaired.kind === "repaired" ? repaired.reason : undefined };
}

describe("an output schema", () => {
  it("that clients compile stays", () => {
    expect(shown({ outputSchema: FINE })).toMatchObject({ outputSchema: FINE, reason: undefined });
    expect(shown({ outputSchema: NAMED }, says({ kind: "compiles" }))).toMatchObject({ outputSchema: NAMED });
  });

  it("loses what changes nothing about which results are valid", () => {
    const { outputSchema, reason } = shown({
      outputSchema: { ...FINE, $schema: "https://example.com/none", title: null },
    });
    expect(outputSchema).toEqual(FINE);
    expect(reason).toMatch(/^repaired: outputSchema: .*title.*null/);
  });

  it.each<[what: string, schema: object, verdicts: SchemaVerdicts, why: RegExp]>([
    [
      "is no JSON Schema",
      { ...FINE, properties: { a: { $ref: "#/$defs/A" } } },
      NO_COMPILERS,
      /"#\/\$defs\/A" leads to nothing/,
    ],
    ["a compiler refuses", NAMED, says(REFUSED), /does not compile \(not this one\)/],
    ["no compiler has seen", NAMED, NO_COMPILERS, /has not been compiled yet/],
    ["is too large", { ...FINE, description: "x".repeat(1024 * 1024) }, NO_COMPILERS, /larger than/],
    ["is too deep", JSON.parse(`${'{"not":'.repeat(65)}{}${"}".repeat(65)}`) as object, NO_COMPILERS, /deeper than/],
  ])("that %s is left out as a whole, and the tool stays", (_what, outputSchema, verdicts, why) => {
    const left = shown({ outputSchema }, verdicts);
    expect(left.outputSchema).toBeUndefined();
    expect(left.reason).toMatch(why);
    expect(left.reason).toMatch(/left out/);
  });
});

describe("an input schema", () => {
  it("loses the parts that a compiler blames, and of a parameter keeps what it is for", () => {
    const inputSchema = {
      ...NAMED,
      properties: { a: { description: "what for", $anchor: "1 2" }, b: { type: "string" } },
      allOf: [{}],
    };
    const culprits = [["properties", "a"], ["allOf"]];
    const left = shown({ inputSchema }, says({ ...REFUSED, culprits }));
    expect(left.inputSchema).toEqual({
      ...NAMED,
      properties: { a: { description: "what for" }, b: { type: "string" } },
    });
    expect(left.reason).toMatch(/properties\/a, allOf was left out of it/);
  });

  it("accepts everything when nobody can tell what to blame", () => {
    const left = shown({ inputSchema: NAMED }, says(REFUSED));
    expect(left.inputSchema).toEqual({ type: "object" });
    expect(left.reason).toContain("not this one");
  });

  it("is shown as it is until a compiler has seen it", () => {
    expect(shown({ inputSchema: NAMED })).toMatchObject({ inputSchema: NAMED, reason: undefined });
  });
});

describe("what was looked at before", () => {
  const definition = () => Payload.of({ name: "t", inputSchema: NAMED });

  it("is looked at again only until the last word on it was said", () => {
    let verdict: Verdict = { kind: "unknown" };
    const asked: string[] = [];
    const repairs = createRepairs((role, text) => {
      asked.push(role, text);
      return verdict;
    });
    expect(repairs.open("tool", definition())).toEqual([{ role: "inputSchema", text: JSON.stringify(NAMED) }]);
    expect(repairs.of("tool", definition()).kind).toBe("kept");
    verdict = REFUSED;
    expect(repairs.open("tool", definition())).toEqual([]);
    expect(repairs.of("tool", definition())).toMatchObject({ kind: "repaired" });
    expect(repairs.of("tool", definition())).toMatchObject({ kind: "repaired" });
    expect(asked).toEqual(Array.from({ length: 3 }, () => ["inputSchema", JSON.stringify(NAMED)]).flat());
  });

  it("gives back the definition that was asked about, and is forgotten when there is too much", () => {
    let asked = 0;
    const repairs = createRepairs(
      () => {
        asked++;
        return { kind: "compiles" };
      },
      { most: 1 },
    );
    const [one, same] = [definition(), definition()];
    expect(repairs.of("tool", one)).toEqual({ kind: "kept", definition: one });
    expect(repairs.of("tool", same)).toEqual({ kind: "kept", definition: same });
    expect(asked).toBe(1);
    repairs.of("prompt", Payload.of({ name: "p" }));
    repairs.of("prompt", Payload.of({ name: "q" }));
    repairs.of("tool", definition());
    expect(asked).toBe(2);
  });
});
