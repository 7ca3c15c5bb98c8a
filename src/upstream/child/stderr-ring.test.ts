import { describe, expect, test } from "vitest";
import { createStderrRing, printable } from "./stderr-ring.ts";

describe("what a child wrote to stderr", () => {
  test("is kept as its last hundred lines", () => {
    const ring = createStderrRing();
    for (let line = 1; line <= 250; line++) ring.push(Buffer.from(`line ${line}\n`));
    expect(ring.lines()).toHaveLength(100);
    expect(ring.lines()[0]).toBe("line 151");
    expect(ring.lines().at(-1)).toBe("line 250");
  });

  test("shows a last line without its end", () => {
    const ring = createStderrRing();
    expect(ring.lines()).toEqual([]);
    ring.push(Buffer.from("one\r\n\ntw"));
    ring.push(Buffer.from("o"));
    expect(ring.lines()).toEqual(["one", "two"]);
  });

  test.each([1, 7, 1_000, 65_536, 200_000])("is kept within 64 KiB when it comes in chunks of %i bytes", size => {
    const ring = createStderrRing();
    const text = Buffer.from(Array.from({ length: 30_000 }, (_, line) => `${line}\n`).join(""));
    for (let at = 0; at < text.length; at += size) ring.push(text.subarray(at, at + size));
    expect(ring.lines()).toEqual(Array.from({ length: 100 }, (_, line) => `${29_900 + line}`));
  });

  test("holds nothing that could steer a terminal or a log", () => {
    expect(printable("\u001b[31mred\u001b[0m \u001b]0;title\u0007a\u0000b\tc\u202ed\u009b")).toBe("red ab cd");
  });

  test("has lines of bounded length", () => {
    const ring = createStderrRing();
    ring.push(Buffer.alloc(100_000, "x"));
    expect(ring.lines().map(line => line.length)).toEqual([1_000]);
  });

  test("holds no private key, also when its first lines are not among the last hundred", () => {
    const ring = createStderrRing();
    const body = Array.from({ length: 120 }, (_, line) => `${String(line).padStart(3, "0")}${"k".repeat(61)}`);
    ring.push(Buffer.from(["up", "-----BEGIN PRIVATE KEY-----", ...body].join("\n")));
    expect(ring.lines()).toEqual(["up", "[redacted]"]);
    ring.push(Buffer.from("\n-----END PRIVATE KEY-----\nready\n"));
    expect(ring.lines()).toEqual(["up", "[redacted]", "ready"]);
  });
});
