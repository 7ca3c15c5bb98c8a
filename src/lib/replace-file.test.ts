import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { replaceFile } from "./replace-file.ts";

test("a file is replaced by another one, not written over, and is for its owner only", () => {
  const dir = mkdtempSync(join(tmpdir(), "radium-replace-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "record.json");
  writeFileSync(path, "a long old record");
  chmodSync(path, 0o644);
  const before = statSync(path).ino;
  replaceFile(path, "new");
  const { ino, mode } = statSync(path);
  expect(readFileSync(path, "utf8")).toBe("new");
  expect([ino === before, mode & 0o777]).toEqual([false, 0o600]);
  expect(readdirSync(dir)).toEqual(["record.json"]);
});
