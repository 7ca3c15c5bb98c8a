import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeHeader, encodeHeader } from "./headers.ts";

it.each([
  ["us-west1", "us-west1"],
  ["Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="],
  [" padded ", "=?base64?IHBhZGRlZCA=?="],
  ["line1\nline2", "=?base64?bGluZTEKbGluZTI=?="],
  ["=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
])("encodes %j as the specification's table does", (value, header) => {
  expect(encodeHeader(value)).toBe(header);
});

it("gives every value back", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), value => decodeHeader(encodeHeader(value)) === value));
});

it.each(["=?base64?!!?=", "=?base64?QQ?=", "=?base64?QQ=?="])("refuses %s", header => {
  expect(decodeHeader(header)).toBeUndefined();
});
