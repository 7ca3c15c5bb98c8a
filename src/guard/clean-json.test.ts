import { describe, expect, it } from "vitest";
import { CORPUS } from "../../test/fixtures/canaries/corpus.ts";
import { SEED, seeded } from "../../test/fuzz/random.ts";
import { createKnownSecrets } from "../core/secrets/known-secrets.ts";
import { createRedactor } from "./redact.ts";
import { HINTS } from "./sensitive.ts";

const MAX = { maxBytes: 16_384 };
const redactors = [createRedactor([]), createRedactor(["internal-\\d+", "zz[0-9]+q"]), createRedactor(["a|b{3}"])];
const known = createKnownSecrets();
known.learn(["correct horse battery"]);
redactors.push(createRedactor([], known));

/** A body that was scanned must stand in the log exactly as one that was taken apart. */
function expectSame(json: string, maxBytes = MAX.maxBytes): void {
  for (const redactor of redactors) {
    expect(redactor.json(json, { maxBytes, isScanned: true })).toBe(redactor.json(json, { maxBytes }));
  }
}

describe("a body that was scanned", () => {
  it("is logged as it is where nothing in it is secret", () => {
    const json =
      '{"name":"echo","arguments":{"a":[1,true,null,-2.5e3],"path":"src/core/route.ts","b":"x \\"y\\" \\n z"}}';
    expect(redactors[0]?.json(json, { ...MAX, isScanned: true })).toBe(json);
    expectSame(json);
  });

  it.each([
    ["an option in a list of arguments", { args: ["mysql", "-p", "hunter22"] }],
    ["an option in a list, with a word of its own", { args: ["x", "--pat", "hunter22"] }],
    ["columns that are named apart from their rows", { columns: ["id", "to_ken"], rows: [[1, "hunter22"]] }],
    ["columns in other letters", { Headers: ["id", "pass_wd"], data: [[1, "hunter22"]] }],
    ["a name and a value", { name: "DB_PASSWORD", value: "hunter22" }],
    ["a key that nobody listed", { text: "use aB3dE5gH7jK9mN1pQ3sT5v now" }],
    ["such a key behind an escape", { text: "use\naB3dE5gH7jK9mN1pQ3sT5v" }],
    ["such a key at the end of a long path", { text: "https://example.org/a/aB3dE5gH7jK9mN1pQ3sT5v" }],
    ["letters beyond ASCII", { text: "pässwörter und ｐａｓｓｗｏｒｄ=hunter22" }],
    ["what ends a line for some readers", { text: "a\u2028b\u0085c\u007fd" }],
    ["a secret that is known", { text: "it is correct horse battery, he said" }],
    ["a match of a configured pattern", { text: "internal-123 and zz77q, bbb" }],
  ])("is taken apart where there is %s", (_what, value) => expectSame(JSON.stringify(value)));

  it("is taken apart where it is spelled with escapes or on several lines", () => {
    expectSame('{"pass\\u0077ord":"hunter22"}');
    expectSame('{\n  "a": "b",\n  "c": [1,\t2]\n}');
    expectSame('{"c\\u006flumns":["to_ken"],"rows":[["hunter22"]]}');
  });

  it("is logged like any other, whatever is in it", () => {
    for (const { text } of CORPUS) {
      expectSame(JSON.stringify({ text }));
      expectSame(JSON.stringify({ list: [text, text.length] }), 40);
    }
  });

  it("is logged like any other, whatever it is put together of", { timeout: 120_000 }, () => {
    const draw = seeded(SEED);
    const { pick } = draw;
    const pieces = [
      ...HINTS.map(hint => (typeof hint === "string" ? hint : "x")).flatMap(hint => [
        hint,
        hint.slice(1),
        hint.slice(0, -1),
      ]),
      ...'the quick brown fox a/b.c 12 -5 = : \n \t \\ " { } [ ] , -p --key aB3dE5gH7jK9mN1 pQ3sT5v0Xy / . ABCDEFGHIJ 0123456789abcdef'.split(
        " ",
      ),
      ...["columns", "rows", "name", "value", "text", "data", "headers", "é", "²", " ", " ", " "],
    ];
    const text = (): string => Array.from({ length: draw.below(6) }, () => pick(pieces)).join(pick(["", " ", "\n"]));
    const value = (depth: number): unknown => {
      const kind = draw.below(depth > 2 ? 3 : 5);
      if (kind < 2) return text();
      if (kind === 2) return pick([0, -1, 1.5e10, true, null, 12345678]);
      const items = Array.from({ length: draw.below(4) }, () => value(depth + 1));
      return kind === 3 ? items : Object.fromEntries(items.map(item => [text(), item]));
    };
    for (let turn = 0; turn < 4_000; turn++) expectSame(JSON.stringify({ a: value(0) }), pick([8, 60, 16_384]));
  });
});
