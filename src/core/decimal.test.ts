import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSameNumber, plainNumber } from "./decimal.ts";

describe("two spellings of a number", () => {
  it.each([
    ["42", "42.0"],
    ["42", "4.2e1"],
    ["42", "420E-1"],
    ["1000", "1e3"],
    ["1000", "1E+3"],
    ["0", "-0"],
    ["0", "0e400"],
    ["0", "0.000"],
    ["-7", "-7.0"],
    ["1e400", "10e399"],
    ["9007199254740993", "9007199254740993.0"],
    ["0.5", "5e-1"],
  ])("are the same: %s and %s", (one, other) => {
    expect(isSameNumber(one, other)).toBe(true);
    expect(isSameNumber(other, one)).toBe(true);
  });

  it.each([
    ["9007199254740993", "9007199254740992"],
    ["1e400", "1e401"],
    ["1e400", "1e999"],
    ["7", "-7"],
    ["42", "42.0000000000000000000001"],
    ["0.1", "0.1000000000000000055511151231257827"],
    ["1", "+1"],
    ["16", "0x10"],
    ["0", ""],
    ["1", " 1"],
    ["1", "1 "],
    ["1", "1."],
    ["1", "1n"],
    ["1000", "1_000"],
    ["1", "\u0661"],
    ["1e9999999999", "1e9999999999"],
  ])("are not: %s and %s", (one, other) => {
    expect(isSameNumber(one, other)).toBe(false);
    expect(isSameNumber(other, one)).toBe(false);
  });

  it("are the same wherever whole numbers are, whatever their size", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        expect(isSameNumber(String(a), `${b}.0`)).toBe(a === b);
        expect(plainNumber(`${a}0e-1`)).toBe(String(a));
      }),
    );
  });
});

describe("a number written plainly", () => {
  it.each([
    ["42.0", "42"],
    ["1e3", "1000"],
    ["-0", "0"],
    ["9007199254740993", "9007199254740993"],
    ["-18446744073709551616", "-18446744073709551616"],
    ["1.5", "1.5"],
    ["1e-3", "1e-3"],
    ["1e999999999", "1e999999999"],
  ])("is %s as %s", (text, plain) => expect(plainNumber(text)).toBe(plain));

  it("is not worked out at length for a text of many digits", () => {
    const zeros = `1${"0".repeat(2_000_000)}1`;
    const begin = performance.now();
    expect(isSameNumber(zeros, zeros)).toBe(true);
    expect(plainNumber(zeros)).toBe(zeros);
    expect(performance.now() - begin).toBeLessThan(500);
  });
});
