import { expect, it } from "vitest";
import { pendingLines } from "./pending-lines.ts";

it("keeps lines as the bytes that they will be in a file", () => {
  const lines = pendingLines();
  expect([lines.add("one"), lines.add("zwölf €"), lines.add("")]).toEqual([4, 11, 1]);
  expect(lines.all().toString()).toBe("one\nzwölf €\n\n");
  expect([lines.count, lines.bytes, lines.first]).toEqual([3, 16, 4]);
});

it("gives out the first ones that have room, and always one", () => {
  const lines = pendingLines();
  for (const line of ["aaaa", "bb", "c"]) lines.add(line);
  expect(lines.take(3)).toEqual({ bytes: Buffer.from("aaaa\n"), lines: 1 });
  expect(lines.take(4)).toEqual({ bytes: Buffer.from("bb\n"), lines: 1 });
  lines.add("dd");
  expect(lines.take(100)).toEqual({ bytes: Buffer.from("c\ndd\n"), lines: 2 });
  expect([lines.count, lines.bytes, lines.first]).toEqual([0, 0, 0]);
  expect(lines.take(100).lines).toBe(0);
});

it("forgets those that came last", () => {
  const lines = pendingLines();
  for (const line of ["a", "b", "c"]) lines.add(line);
  lines.keep(1);
  expect(lines.all().toString()).toBe("a\n");
  lines.add("d");
  expect(lines.all().toString()).toBe("a\nd\n");
});

it("has room for far more than it began with, and what was given out stays as it was", () => {
  const lines = pendingLines();
  const line = "é".repeat(100_000);
  for (let count = 0; count < 10; count++) lines.add(line);
  const { bytes } = lines.take(lines.first);
  lines.keep(0);
  lines.add("x".repeat(500_000));
  expect(bytes.toString()).toBe(`${line}\n`);
});
