import { describe, expect, it } from "vitest";
import { refusal, scan } from "./scan.fixture.ts";
import { scanObject } from "./scan.ts";
import { UPSTREAM_TEXT } from "./scan-limits.ts";

describe("a long string", () => {
  it("ends a long string at its own quote, whatever stands before it", () => {
    for (let length = 40; length < 60; length++) {
      for (const tail of ["", "\\\\", '\\"', '\\\\\\"', '\\"\\\\', '\\\\"'.slice(0, 2)]) {
        const text = `{"a":"${"x".repeat(length)}${tail}","b":[1]}`;
        const members = scan(text, UPSTREAM_TEXT).members!;
        expect([...members.keys()]).toEqual(["a", "b"]);
        expect(text.slice(members.get("b")!.start, members.get("b")!.end)).toBe("[1]");
      }
    }
  });

  it("is looked at byte by byte, however long its strings are and wherever they lie", () => {
    const room = Buffer.alloc(400);
    for (let shift = 0; shift < 4; shift++) {
      for (let at = 0; at < 260; at++) {
        for (const wrong of ["\u0000", "\n", "\u001f", "\\q", "\\u12g4"]) {
          const string = "é".repeat(30).padEnd(at, "x").slice(0, at) + wrong;
          const text = Buffer.from(`{"a":"${string.padEnd(260, "y")}","b":1}`);
          const placed = room.subarray(shift, shift + text.copy(room, shift));
          expect(refusal(placed, UPSTREAM_TEXT), `${shift} ${at} ${JSON.stringify(wrong)}`).toBe("syntax");
        }
        const text = Buffer.from(`{"a":"${"x".repeat(at)}\u007f\u0080\u00ff\\n\\u00e9${"y".repeat(260 - at)}","b":1}`);
        const placed = room.subarray(shift, shift + text.copy(room, shift));
        expect(refusal(placed, UPSTREAM_TEXT), `${shift} ${at}`).toBeUndefined();
      }
    }
  });

  it("costs no more for many escapes far apart in one long string than for few", () => {
    const text = (every: number): string => `{"a":"${`${"x".repeat(every)}\\n`.repeat(4_000_000 / every)}"}`;
    const cost = (every: number): number => {
      const bytes = Buffer.from(text(every));
      const begin = performance.now();
      scanObject(bytes, UPSTREAM_TEXT);
      return performance.now() - begin;
    };
    cost(100_000);
    // Searching for the end of the string anew at each escape would cost 40,000 times 4 MB.
    expect(cost(100)).toBeLessThan(1_000);
  });

  it("has its keys checked in full", () => {
    expect(refusal(`{"${"k".repeat(100)}\\x":1}`, UPSTREAM_TEXT)).toBe("syntax");
    expect(refusal(`{"params":{"${"k".repeat(100)}\\u00":1}}`, UPSTREAM_TEXT)).toBe("syntax");
  });
});
