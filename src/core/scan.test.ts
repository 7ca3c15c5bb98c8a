import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeString } from "./json-tokens.ts";
import { refusal, scan } from "./scan.fixture.ts";
import { scanObject } from "./scan.ts";
import { AGENT_TEXT, SCANNED_TEXT, UPSTREAM_TEXT } from "./scan-limits.ts";

function parsesAsObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

const space = fc.stringMatching(/^[ \t\r\n]{0,2}$/);
const unit = fc.integer({ min: 0, max: 0xffff }).map(code => `\\u${code.toString(16).padStart(4, "0")}`);
const piece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }).map(text => JSON.stringify(text).slice(1, -1)),
  fc.constantFrom('\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "name", "_meta", "é", "\u2028", "𝒳"),
  unit,
);
const stringText = fc.array(piece, { maxLength: 4 }).map(pieces => `"${pieces.join("")}"`);
const numberText = fc.stringMatching(/^-?(0|[1-9]\d{0,20})(\.\d{1,5})?([eE][+-]?\d{1,3})?$/);
const keyText = fc.oneof(fc.constantFrom('"params"', '"_meta"', '"id"', '"__proto__"', '"na\\u006de"'), stringText);

/** Texts of JSON values in every spelling, keys sometimes repeated. */
const { value: valueText, object: objectText } = fc.letrec<{ value: string; object: string }>(tie => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("true", "false", "null"),
    numberText,
    stringText,
    fc
      .array(fc.tuple(space, tie("value"), space), { maxLength: 4 })
      .map(items => `[${items.map(i => i.join("")).join(",")}]`),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(space, keyText, space, fc.constant(":"), space, tie("value"), space), { maxLength: 5 })
    .chain(members => space.map(blank => `{${members.map(m => m.join("")).join(",") || blank}}`)),
}));

/** The same text with one stretch of it cut out or replaced by something else. */
const brokenText = fc
  .tuple(
    fc.oneof(objectText, valueText),
    fc.nat(),
    fc.nat(3),
    fc.constantFrom("", ",", '"', "{", "]", "\\", "0", "-", ".", "e", "\n", "\u0000", "NaN", ":"),
  )
  .map(([text, at, length, replacement]) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + replacement + text.slice(from + length);
  });

describe("a strict scan", () => {
  it("accepts exactly what JSON.parse reads as an object, but for repeated keys", () => {
    fc.assert(
      fc.property(fc.oneof(objectText, brokenText), text => {
        const reason = refusal(text);
        expect(reason === undefined || reason === "ambiguous").toBe(parsesAsObject(text));
        expect(refusal(text, SCANNED_TEXT) === undefined).toBe(parsesAsObject(text));
      }),
      { numRuns: 3000 },
    );
  });

  it("notes where each member lies", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue(), { maxKeys: 6 }),
        space,
        (value, blank) => {
          const text = Buffer.from(`${blank}${JSON.stringify(value, null, blank)}${blank}`);
          const parsed = JSON.parse(text.toString()) as Record<string, unknown>;
          const members = scanObject(text, AGENT_TEXT).members!;
          expect([...members.keys()].sort()).toEqual(Object.keys(parsed).sort());
          for (const [key, member] of members) {
            expect(JSON.parse(text.toString("utf8", member.start, member.end))).toEqual(parsed[key]);
            expect(text.toString("utf8", member.keyStart, member.start).startsWith(JSON.stringify(key))).toBe(true);
          }
        },
      ),
    );
  });

  it("reads a string as JSON.parse does, lone surrogates and all", () => {
    fc.assert(
      fc.property(stringText, text => {
        const bytes = Buffer.from(text);
        expect(decodeString(bytes, 0, bytes.length)).toBe(JSON.parse(text));
      }),
    );
  });

  it("refuses a message cut off at any byte", () => {
    const whole = Buffer.from(
      '{"jsonrpc":"2.0","id":-1.5e+3,"params":{"name":"é\\u00e9\\n","list":[true,false,null,[],{}],"_meta":{"k":"v"}}}',
    );
    expect(refusal(whole)).toBeUndefined();
    for (let end = 0; end < whole.length; end++) {
      for (const limits of [AGENT_TEXT, UPSTREAM_TEXT]) expect(refusal(whole.subarray(0, end), limits)).toBe("syntax");
    }
  });

  it.each([
    ...'01 -01 1. .5 +1 - 1e 1e+ 0x1 1_000 NaN Infinity -Infinity undefined tru nul True \'a\' "\\x" "\\u12g4" "\\u12"'.split(
      " ",
    ),
    '"a\nb"',
    '"a\tb"',
    '"\u0000"',
    '"open',
    "[1,]",
    "[,1]",
    "[1 2]",
    "[",
    "]",
    "{",
    '{"a":1,}',
    '{"a" 1}',
    "{a:1}",
    '{"a"}',
    "{1:2}",
    "1 2",
    "/* */ 1",
    "\u00a01",
    "\ufeff1",
  ])("refuses %j as a value", value => {
    expect(refusal(`{"x":${value}}`)).toBe("syntax");
  });

  it.each(["", " ", "[]", "1", "null", '"{}"', "{} {}", "{}x", "\ufeff{}", "{}\u0000", '{"a":1}}'])(
    "refuses the document %j",
    text => {
      expect(refusal(text)).toBe("syntax");
    },
  );

  it("refuses every control character inside a string and all but four between tokens", () => {
    for (let code = 0; code < 0x20; code++) {
      const character = String.fromCharCode(code);
      expect(refusal(`{"a":"x${character}y"}`), `0x${code.toString(16)}`).toBe("syntax");
      expect(refusal(`{${character}"a":1}`) === undefined).toBe("\t\n\r".includes(character));
    }
  });

  it("refuses a document that is not UTF-8", () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
      const text = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
      for (const limits of [AGENT_TEXT, UPSTREAM_TEXT]) expect(refusal(text, limits)).toBe("syntax");
    }
  });

  it("refuses 129 levels and accepts 128, of objects, arrays or both", () => {
    const nested = (depth: number, open: string, close: string): string =>
      `{"x":${open.repeat(depth - 1)}1${close.repeat(depth - 1)}}`;
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      expect(refusal(nested(128, open, close))).toBeUndefined();
      expect(refusal(nested(129, open, close))).toBe("too_deep");
      expect(refusal(nested(100_000, open, close))).toBe("too_deep");
    }
  });
});

describe("very many keys", () => {
  const keys = (count: number): string => Array.from({ length: count }, (_, at) => `"k${at}":0`).join();

  it("are refused where each is noted, beyond 10,000 in one object", () => {
    for (const limits of [AGENT_TEXT, UPSTREAM_TEXT]) {
      expect(refusal(`{"params":{${keys(10_000)}}}`, limits)).toBeUndefined();
      expect(refusal(`{"params":{${keys(10_001)}}}`, limits)).toBe("too_many");
      expect(refusal(`{${keys(10_001)}}`, limits)).toBe("too_many");
    }
  });

  it("are refused of an agent beyond 50,000 in all objects together", () => {
    const text = (count: number): string => `{"params":{"arguments":[{},{"a":{${keys(count)}}}]}}`;
    expect(refusal(text(49_997))).toBeUndefined();
    expect(refusal(text(49_998))).toBe("too_many");
    expect(refusal(text(60_000), UPSTREAM_TEXT)).toBeUndefined();
  });
});

describe("elements of arrays", () => {
  const array = (element: string, count: number): string => `[${Array(count).fill(element).join(",")}]`;
  const message = (text: string): string => `{"params":{"arguments":{"rows":${text}}}}`;

  it("are refused of an agent beyond 800,000 in all arrays together", () => {
    expect(refusal(message(array("1", 800_000)))).toBeUndefined();
    expect(refusal(message(array("1", 800_001)))).toBe("too_many");
    expect(refusal(message(array(array("1", 100), 8_000)))).toBe("too_many");
    expect(refusal(message(array("1", 900_000)), UPSTREAM_TEXT)).toBeUndefined();
  });

  it("count as eight where they are objects or arrays, which cost as much to whoever reads them", () => {
    for (const element of ["{}", "[]"]) {
      expect(refusal(message(array(element, 100_000)))).toBeUndefined();
      expect(refusal(message(array(element, 100_001)))).toBe("too_many");
    }
  });
});

describe("text of an upstream", () => {
  it("is accepted wherever the same text of an agent is, with the same members", () => {
    fc.assert(
      fc.property(objectText, text => {
        if (refusal(text) === undefined) expect(scan(text, UPSTREAM_TEXT)).toEqual(scan(text));
      }),
      { numRuns: 1000 },
    );
  });
});
