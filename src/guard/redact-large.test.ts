import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { createRedactor } from "./redact.ts";

const redactor = createRedactor([]);

it.each([
  ["as large as may be hashed", 64 * 1024, true],
  ["larger", 64 * 1024 + 1, false],
])("has the head and the size of a body that is %s", (_, size, isHashed) => {
  const text = `{"a":"${"b ".repeat(size)}`.slice(0, size - 2).concat('"}');
  const { head, ...rest } = JSON.parse(redactor.json(text, { maxBytes: 100, isScanned: true })) as { head: string };
  expect(text.startsWith(head)).toBe(true);
  const sha256 = createHash("sha256").update(text).digest("hex");
  expect(rest).toEqual({ bytes: size, ...(isHashed && { sha256 }) });
});
