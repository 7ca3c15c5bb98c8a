import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemTrouble } from "./system-errors.ts";

const thrownBy = (act: () => void): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
};

test("what the system refuses is told with the place and what to do", () => {
  const folder = mkdtempSync(join(tmpdir(), "rad-system-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(systemTrouble(thrownBy(() => mkdirSync(join(file, "below"))))).toMatchObject({
    ...{ error: "system", what: "A part of the path is not a folder", where: `${file}/below (mkdir: ENOTDIR)` },
    help: [expect.stringContaining("move it out of the way")],
  });
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  expect(systemTrouble(full)).toMatchObject({ what: "There is no space left on the disk", where: full.message });
});

test("anything else may be a mistake of ours", () => {
  for (const error of [new Error("oops"), Object.assign(new Error("x"), { code: "ENOSPC" }), undefined, "text"]) {
    expect(systemTrouble(error ?? {})).toBeUndefined();
  }
  expect(systemTrouble(thrownBy(() => mkdirSync("/nowhere/at/all")))).toBeUndefined();
});
