import { describe, expect, it } from "vitest";
import { CORPUS, INNOCENT } from "../../test/fixtures/canaries/corpus.ts";
import { createRedactor } from "./redact.ts";

const redactor = createRedactor(["api[_-]?key", "password", "token"]);
const MAX = { maxBytes: 16_384 };

/** A text as the log may meet it. */
const SURROUNDINGS: Readonly<Record<string, (text: string) => string>> = {
  "by itself": text => (/^[[{]/.test(text) ? redactor.json(text, MAX) : redactor.text(text)),
  "in an argument": text => redactor.json(JSON.stringify({ note: text }), MAX),
  "in a result": text =>
    redactor.json(JSON.stringify({ content: [{ type: "text", text: `Here it is:\n${text}` }] }), MAX),
  "in an error": text => redactor.quoted(`failed: ${text}`, 4_096),
};

describe("T-41 the corpus", () => {
  it("has more than 200 texts", () => {
    expect(CORPUS.length).toBeGreaterThan(250);
    expect(
      CORPUS.every(({ secret, text }) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1))),
    ).toBe(true);
  });

  it.each(Object.keys(SURROUNDINGS))("keeps no secret of it %s", name => {
    const stayed = CORPUS.filter(({ secret, text }) => {
      const shown = SURROUNDINGS[name]?.(text) ?? "";
      return shown.includes(secret) || (secret.length > 30 && shown.includes(secret.slice(-14)));
    });
    expect(stayed.map(({ text }) => text)).toEqual([]);
  });

  it.each(INNOCENT.map(one => JSON.stringify(one)))("keeps %s", json => {
    expect(redactor.json(json, MAX)).toBe(json);
  });
});
