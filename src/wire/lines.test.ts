import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lineSplitter } from "./lines.ts";

function collect(maxBytes = 1_000) {
  const seen: string[] = [];
  const splitter = lineSplitter({
    maxBytes,
    onLine: line => seen.push(line.toString("latin1")),
    onTooLong() {
      const at = seen.push("<too long>") - 1;
      const take = (piece: Buffer): void => {
        seen[at] += piece.toString("latin1");
      };
      return { take, end: () => void seen.push("<its end>") };
    },
  });
  const push = (...texts: string[]): void => {
    for (const text of texts) splitter.push(Buffer.from(text, "latin1"));
  };
  return { seen, push };
}

describe("lines", () => {
  test("come out whole, whatever the chunks", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r\n") });
    void fc.assert(
      fc.property(text, fc.array(fc.nat(7)), (whole, cuts) => {
        const { seen, push } = collect();
        let at = 0;
        for (const cut of cuts) {
          push(whole.slice(at, at + cut));
          at += cut;
        }
        push(`${whole.slice(at)}\n`);
        expect(seen).toEqual(whole.split(/\r?\n/).filter(line => line !== ""));
      }),
    );
  });

  test("lose their carriage return, also when it came alone", () => {
    const { seen, push } = collect();
    push("one\r", "\n", "\r\n", "\n", "t\rwo\r\n", "unfinished");
    expect(seen).toEqual(["one", "t\rwo"]);
  });

  test("that are too long are reported once each, seen as they pass, and skipped up to their end", () => {
    const { seen, push } = collect(4);
    push("1234\n", "12345\n", "abc", "de", "fghijklmnop", "qr\nok\n", "toolong\nfine\n");
    expect(seen).toEqual([
      ...["1234", "<too long>12345", "<its end>", "<too long>abcdefghijklmnopqr", "<its end>"],
      ...["ok", "<too long>toolong", "<its end>", "fine"],
    ]);
  });

  test("that were handed over do not change when more comes", () => {
    const kept: Buffer[] = [];
    const splitter = lineSplitter({ maxBytes: 100, onLine: line => kept.push(line), onTooLong() {} });
    for (const text of ["fir", "st\nsec", "ond\nthi", "rd\n"]) splitter.push(Buffer.from(text));
    expect(kept.map(String)).toEqual(["first", "second", "third"]);
  });

  test.each([
    // Quadratic time would be eight seconds.
    ["10 MB in chunks of 4 KiB", 10_000_000, 4_096, 1_000],
    ["200 kB in single bytes", 200_000, 1, 1_000],
  ])("take linear time: %s", (_, size, chunkSize, limitMs) => {
    const lengths = new Set<number>();
    const splitter = lineSplitter({ maxBytes: size, onLine: line => lengths.add(line.length), onTooLong() {} });
    const chunk = Buffer.alloc(chunkSize, "x");
    const run = (): number => {
      const start = performance.now();
      for (let sent = 0; sent < size; sent += chunkSize) {
        splitter.push(chunk.subarray(0, Math.min(chunkSize, size - sent)));
      }
      splitter.push(Buffer.from("\n"));
      return performance.now() - start;
    };
    expect(Math.min(run(), run(), run())).toBeLessThan(limitMs);
    expect([...lengths]).toEqual([size]);
  });

  test("that are long say how much is held of them until they are complete, and short ones say nothing", () => {
    const held: number[] = [];
    const { push } = lineSplitter({
      maxBytes: 400_000,
      onLine() {},
      onTooLong() {},
      onHeld: bytes => held.push(bytes),
    });
    const part = Buffer.alloc(60_000, "x");
    push(part);
    push(Buffer.from("\n"));
    expect(held).toEqual([]);
    for (let parts = 0; parts < 4; parts++) push(part);
    expect(held.at(-1)).toBeGreaterThanOrEqual(240_000);
    push(Buffer.from("\n"));
    expect(held.at(-1)).toBe(0);
    for (let parts = 0; parts < 8; parts++) push(part);
    expect(held.at(-1)).toBe(0);
  });
});
