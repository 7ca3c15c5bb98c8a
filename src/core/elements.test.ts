import fc from "fast-check";
import { expect, it } from "vitest";
import { elementsOf } from "./elements.ts";

const found = (text: string): string[] =>
  [...elementsOf(Buffer.from(text))].flatMap(element => element?.toString() ?? []);

it("finds the elements that JSON.parse finds, whatever is in them", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, "\t"), (values, space) => {
      expect(found(JSON.stringify(values, undefined, space)).map(text => JSON.parse(text))).toEqual(
        JSON.parse(JSON.stringify(values)),
      );
    }),
  );
});

it("rests within a long element, and is not misled by escapes around its rests", () => {
  for (let pad = 0; pad < 130; pad++) {
    const values = [`${"x".repeat(pad)}\\"\\\\`, '"'.repeat(pad), { a: ["]".repeat(100), "y".repeat(200_000)] }, pad];
    const text = JSON.stringify(values);
    expect(found(text).map(each => JSON.parse(each))).toEqual(values);
    expect([...elementsOf(Buffer.from(text))].filter(element => element === undefined).length).toBeGreaterThan(0);
  }
});

it.each([
  ["[]", []],
  ["[ \n]", []],
  ['["]",{"a\\\\":"\\"}]"}, 1 ]', ['"]"', '{"a\\\\":"\\"}]"}', "1"]],
])("is not misled by what stands in strings: %s", (text, elements) => {
  expect(found(text)).toEqual(elements);
});
