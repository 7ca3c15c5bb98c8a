import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createSpokenStore } from "./spoken-store.ts";

const never = (detail: string): never => {
  throw new Error(detail);
};

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "radium-spoken-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test.each([
  { speaks: { legacy: true, modern: false }, server: '["s","1"]' },
  { speaks: { legacy: undefined, modern: true }, server: undefined },
])("what an upstream speaks outlives the process: %j", spoken => {
  const path = folder();
  createSpokenStore(path, never).save("a", "command", spoken);
  expect(createSpokenStore(path, never).load("a", "command")).toEqual(spoken);
});

test("another command or another upstream does not inherit it, and a broken file is as good as none", () => {
  const path = folder();
  const store = createSpokenStore(path, never);
  store.save("a", "command", { speaks: { legacy: true, modern: false }, server: undefined });
  expect([store.load("a", "another"), store.load("b", "command")]).toEqual([undefined, undefined]);
  for (const name of readdirSync(path)) writeFileSync(join(path, name), "{");
  expect(store.load("a", "command")).toBeUndefined();
});

test("a folder that cannot be written is told of", () => {
  const troubles: string[] = [];
  const path = join(folder(), "file");
  writeFileSync(path, "");
  createSpokenStore(path, detail => troubles.push(detail)).save("a", "c", {
    ...{ speaks: { legacy: true, modern: undefined }, server: undefined },
  });
  expect(troubles).toEqual([expect.stringContaining('what "a" speaks could not be kept')]);
});
