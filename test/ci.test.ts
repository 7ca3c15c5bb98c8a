import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-ci-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What .ci/run would say of that report: passed, failed, skipped. */
function count(report: object | undefined, codes: { tests: number; check: number; bench?: number }): string {
  const file = join(folder, "tests.json");
  if (report) writeFileSync(file, JSON.stringify(report));
  const args = ["scripts/count-tests.mjs", file, ...[codes.tests, codes.check, codes.bench ?? 0].map(String)];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim();
}

const GREEN = { numPassedTests: 7, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0, testResults: [] };
const red = (tests: { status: string }[]) => ({
  ...GREEN,
  numFailedTests: tests.length,
  testResults: [{ status: "failed", assertionResults: tests }],
});

test("the workflow does what .ci/run does, and nothing else", () => {
  const workflow = readFileSync(".github/workflows/ci.yml", "utf8");
  expect(workflow.match(/run: .*/g)).toEqual(["run: .ci/run"]);
});

test("a good run counts what passed and what was skipped", () => {
  expect(count(GREEN, { tests: 0, check: 0 })).toBe("7 0 1");
});

test("a failed check counts as a failure", () => {
  expect(count(GREEN, { tests: 0, check: 1 })).toBe("7 1 1");
});

test("a ratio under its floor counts as a failure, beside a failed check", () => {
  expect(count(GREEN, { tests: 0, check: 0, bench: 1 })).toBe("7 1 1");
  expect(count(GREEN, { tests: 0, check: 1, bench: 1 })).toBe("7 2 1");
});

test("a failed test counts once", () => {
  expect(count(red([{ status: "failed" }]), { tests: 1, check: 0 })).toBe("7 1 1");
});

test("a file that does not load counts as a failure", () => {
  expect(count(red([]), { tests: 1, check: 0 })).toBe("7 1 1");
});

test("a bad exit without a failed test counts as a failure", () => {
  expect(count(GREEN, { tests: 1, check: 0 })).toBe("7 1 1");
});

test("a run that left no report counts as a failure", () => {
  expect(count(undefined, { tests: 124, check: 0 })).toBe("0 1 0");
});
