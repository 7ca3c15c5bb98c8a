import { describe, expect, test } from "vitest";
import { Payload } from "../core/payload.ts";
import { SCANNED_TEXT } from "../core/scan-limits.ts";
import { codeOf, kindOfError, plainError, repeatable } from "./upstream-errors.ts";

const read = (text: string): Payload => Payload.parse(text, SCANNED_TEXT);

describe("an error of an upstream", () => {
  test.each([
    [-32_000, "plain"],
    [-30_999, "plain"],
    [-31_000, "borrowed"],
    [-31_500, "borrowed"],
    [-31_999, "borrowed"],
    [31_007, "plain"],
    [0, "plain"],
  ])("with the code %i is %s", (code, kind) => {
    expect(kindOfError(Payload.of({ code, message: "" }))).toBe(kind);
  });

  test.each([
    ['{"code":1.0,"message":"m"}', '{"code":1,"message":"m"}'],
    ['{"code":1e2,"message":"m"}', '{"code":100,"message":"m"}'],
    ['{"message":"m","code": -7 }', '{"message":"m","code": -7 }'],
  ])("is passed on with an integer for its code: %s", (text, passed) => {
    expect(plainError(read(text)).bytes.toString()).toBe(passed);
  });

  test.each(['"1"', "null", "true", "1.5", "1e999", "[1]", "9007199254740992"])("has no code in %s", code => {
    expect(codeOf(read(`{"code":${code}}`))).toBeUndefined();
  });

  test("is not repeated where it is large", () => {
    expect(repeatable(Payload.of({ message: "x".repeat(65_536) }))).toBe(undefined);
    expect(repeatable(read('{"a": 1}'))?.toString()).toBe('{"a": 1}');
  });

  test("has facts of ours wherever a reader finds them", () => {
    const withData = (data: string) => kindOfError(read(`{"code":1,"message":"m","data":${data}}`));
    expect(withData('{"gateway":null}')).toBe("borrowed");
    expect(withData('{"a":1,"gateway":"stripe"}')).toBe("borrowed");
    expect(withData('{"GATEWAY":{},"a":1}')).toBe("borrowed");
    expect(withData('{"a":1,"a":{"gateway":{}}}')).toBe("plain");
    expect(withData('"gateway"')).toBe("plain");
  });
});
