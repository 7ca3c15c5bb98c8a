import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor } from "./redact.ts";

const plain = createRedactor(["api[_-]?key", "password", "token"]);
const json = (value: unknown, redactor = plain): unknown =>
  JSON.parse(redactor.json(JSON.stringify(value), { maxBytes: 65536 }));
const CANARY = "cAnArY7d1f9";

describe("in JSON", () => {
  it("replaces the whole value of a secret name and keeps the name", () => {
    expect(json({ a: 1, password: "x", b: { apiKey: [1, { c: 2 }], db_secret: { d: 1 } }, otp: 12 })).toEqual({
      a: 1,
      password: "[redacted]",
      b: { apiKey: "[redacted]", db_secret: "[redacted]" },
      otp: "[redacted]",
    });
  });

  it("keeps what cannot be a secret", () => {
    const value = { token: null, password: true, secret: false, author: "x", keys: ["a"], n: -1.5e3, note: "a b" };
    expect(json(value)).toEqual(value);
  });

  it("keeps text without secrets byte for byte", () => {
    const text = '{"b": 1.0e+2, "a":"\\/é\\u00e9", "big":12345678901234567890}';
    expect(plain.json(text, { maxBytes: 4096 })).toBe(text.replace("\\/", "/").replace("\\u00e9", "é"));
  });

  it("sees through escapes in names", () => {
    expect(plain.json('{"pass\\u0077ord":"x"}', { maxBytes: 100 })).toBe('{"password":"[redacted]"}');
  });

  it("removes the argument after a secret flag and the value beside a secret name", () => {
    expect(json(["--password", "x", "y", { name: "API_KEY", value: "z" }, { name: "HOME", value: "/" }])).toEqual([
      "--password",
      "[redacted]",
      "y",
      { name: "API_KEY", value: "[redacted]" },
      { name: "HOME", value: "/" },
    ]);
  });

  it("never shows a canary under a secret name, however it is nested", () => {
    const name = fc.constantFrom("password", "API-KEY", "accessToken", "x_secret", "Authorization", "session-id");
    const canary = fc.oneof(
      fc.constant(CANARY),
      fc.string().map(text => text + CANARY + text),
      fc.json().map(text => [text, CANARY]),
      fc.string().map(text => ({ [text]: { [CANARY]: CANARY } })),
    );
    const tree = fc.letrec(tie => ({
      node: fc.oneof({ maxDepth: 5 }, fc.jsonValue(), tie("object"), tie("array"), tie("text")),
      object: fc.tuple(fc.dictionary(fc.string(), tie("node")), name, canary).map(([o, n, c]) => ({ ...o, [n]: c })),
      array: fc.array(tie("node")),
      text: tie("node").map(value => JSON.stringify(value) ?? "null"),
    })).object;
    void fc.assert(
      fc.property(
        tree,
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 0, max: 4000 }),
        (value, indent, maxBytes) => {
          const text = JSON.stringify(value, null, indent);
          const whole = plain.json(text, { maxBytes: 65536 });
          expect(whole).not.toContain(CANARY);
          expect(whole).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
          JSON.parse(whole);
          const cut = plain.json(text.slice(0, maxBytes), { maxBytes: Math.floor(maxBytes / 2) });
          expect(cut).not.toContain(CANARY);
          JSON.parse(cut);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("makes one line of valid JSON out of any bytes", () => {
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 300 }), (bytes, maxBytes) => {
        for (const text of [Buffer.from(bytes), Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}')])]) {
          const line = plain.json(text, { maxBytes });
          JSON.parse(line);
          expect(line).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("of a long text", () => {
  it("shows the redacted head, the size and the hash", () => {
    const text = JSON.stringify({ password: "x", text: "lorem ipsum ".repeat(500) });
    const { head, ...rest } = JSON.parse(plain.json(text, { maxBytes: 200 })) as { head: string };
    expect(head).toMatch(/^\{"password":"\[redacted\]","text":"lorem ipsum /);
    expect(head).toHaveLength(200);
    expect(rest).toEqual({ bytes: text.length, sha256: createHash("sha256").update(text).digest("hex") });
  });

  it("shows no part of a secret that the bound cuts", () => {
    const secrets = [
      `ghp_${CANARY.repeat(5)}`,
      `https://bob:${CANARY.repeat(20)}@h/x`,
      `password: "${`${CANARY} `.repeat(30)}"`,
    ];
    for (const secret of secrets) {
      for (let at = 0; at < 1500; at += 7) {
        const text = JSON.stringify({ a: ` ${"x".repeat(at)} ${secret} ${"lorem ".repeat(500)}` });
        expect(plain.json(text, { maxBytes: 300 })).not.toContain(CANARY.slice(0, 5));
        expect(
          plain.text(`${"lorem ".repeat(2700)} ${"x".repeat(at)} ${secret} ${"lorem ".repeat(500)}`),
        ).not.toContain(CANARY);
      }
    }
  });

  it("cuts text at 16 KiB", () => {
    expect(plain.text("lorem ".repeat(20_000))).toHaveLength(16 * 1024 + 1);
  });
});

describe("with patterns of the configuration", () => {
  const own = createRedactor(["internal[_-]?code", "\\d{3}-\\d{2}-\\d{4}", "zz-[a-z0-9]+"]);

  it("removes the value of a name that matches", () => {
    expect(json({ "Internal-Code": [1], a: { internal_code_2: "x" } }, own)).toEqual({
      "Internal-Code": "[redacted]",
      a: { "[redacted]_2": "[redacted]" },
    });
  });

  it("removes a match, and the value behind it", () => {
    expect(own.text("internal_code=55 and INTERNALCODE: 'a b', ssn 123-45-6789 zz-abc1")).toBe(
      "[redacted] and [redacted]', ssn [redacted] [redacted]",
    );
    expect(json({ note: "ssn 123-45-6789.", "123-45-6789": 1 }, own)).toEqual({
      note: "ssn [redacted].",
      "[redacted]": "[redacted]",
    });
  });

  it("removes a number that matches", () => {
    expect(json([4111111111111111, 42], createRedactor(["\\d{16}"]))).toEqual(["[redacted]", 42]);
  });

  it("still finds a match that escapes hide", () => {
    const text = '{"a":"{\\"x\\":\\"123\\u002d45-6789\\"}","zz\\u002dabc1":1}';
    expect(own.json(text, { maxBytes: 1000 })).not.toMatch(/6789|abc/);
  });

  it("stays fast on a pattern and a text made to be slow", () => {
    const evil = createRedactor(["^(a+)+$", "(x+x+)+y"]);
    const text = `${"a".repeat(1_000_000)}!`;
    const start = performance.now();
    evil.json(JSON.stringify({ text }), { maxBytes: 1e9 });
    evil.text(text);
    for (const part of [
      "x",
      "token",
      "eyJ",
      "sk-",
      "https://a:",
      "-----BEGIN ",
      "%41",
      '"',
      "\\",
      "[",
      "password=[",
      "auth ",
    ]) {
      plain.json(JSON.stringify({ text: part.repeat(60_000 / part.length) }), { maxBytes: 1e9 });
      plain.text(part.repeat(1e6 / part.length));
    }
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it("refuses what is no RE2 syntax", () => {
    expect(() => createRedactor(["(a)\\1"])).toThrow();
  });
});

it("quotes a string from outside on one line and bounded", () => {
  expect(plain.quoted('a\n"b"\u2028\u0085 password=x', 100)).toBe('"a\\n\\"b\\"\\u2028\\u0085 password=[redacted]"');
  expect(JSON.parse(plain.quoted("x ".repeat(5000), 256))).toHaveLength(257);
});
