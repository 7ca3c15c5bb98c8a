import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { clearUnfinished, readOwnFile, replaceFile, writeNewFile } from "./replace-file.ts";

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

describe("a file is replaced where somebody prepared a link", () => {
  const folder = (): string => {
    const dir = mkdtempSync(join(tmpdir(), "radium-replace-"));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(join(dir, "victim"), "precious");
    return dir;
  };

  test.each(["record.json.new", `record.json.${process.pid}.new`, "record.json"])("at %s", name => {
    const dir = folder();
    symlinkSync(join(dir, "victim"), join(dir, name));
    replaceFile(join(dir, "record.json"), "new");
    expect(readFileSync(join(dir, "victim"), "utf8")).toBe("precious");
    expect(readFileSync(join(dir, "record.json"), "utf8")).toBe("new");
    expect(lstatSync(join(dir, "record.json")).isFile()).toBe(true);
  });

  test("and a new file is never written through one", () => {
    const dir = folder();
    for (const target of ["victim", "nothing"]) {
      const path = join(dir, `link to ${target}`);
      symlinkSync(join(dir, target), path);
      expect(() => writeNewFile(path, "new")).toThrow("EEXIST");
      expect(() => readOwnFile(path)).toThrow("not a regular file");
    }
    expect(readdirSync(dir)).not.toContain("nothing");
    expect(readFileSync(join(dir, "victim"), "utf8")).toBe("precious");
  });
});

test("a file of ours is closed to others when it is read, and a pipe is none", () => {
  const dir = mkdtempSync(join(tmpdir(), "radium-replace-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "record.json");
  expect(readOwnFile(path)).toBeUndefined();
  writeFileSync(path, "ours", { mode: 0o644 });
  expect(readOwnFile(path)?.toString()).toBe("ours");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  execFileSync("mkfifo", [join(dir, "pipe")]);
  expect(() => readOwnFile(join(dir, "pipe"))).toThrow("not a regular file");
});

test("what a dead process left half written is removed, what a living one writes is not", () => {
  const dir = mkdtempSync(join(tmpdir(), "radium-replace-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const [dead, living] = [`a.json.${2 ** 22 + 1}-0badcafe.tmp`, `a.json.${process.pid}-0badcafe.tmp`];
  for (const name of [dead, living, "a.json", "notes.tmp"]) writeFileSync(join(dir, name), "");
  clearUnfinished(dir);
  expect(readdirSync(dir).sort()).toEqual(["a.json", living, "notes.tmp"].sort());
});
