import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const bench = (...args: string[]) => spawnSync(process.execPath, ["bench/run.mjs", ...args], { encoding: "utf8" });

test("the benchmark says what it takes, and which cases there are", () => {
  expect(bench("--help").stdout).toContain("--check-floors");
  const { status, stdout } = bench("--list-cases");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^300 +modern → modern/m);
  expect(stdout).toMatch(/^idle +memory/m);
});

test("the benchmark refuses what it does not know, with its usage", () => {
  const { status, stderr } = bench("--cases", "nonsense");
  expect(status).toBe(2);
  expect(stderr).toContain("no case nonsense; there are 300, ");
  expect(stderr).toContain("usage: npm run bench");
});

test("where nginx or wrk is missing, the comparison with the floors is skipped and says so", () => {
  const options = { encoding: "utf8", env: { PATH: "/nonexistent" } } as const;
  const { status, stdout } = spawnSync(process.execPath, ["bench/run.mjs", "--check-floors"], options);
  const everywhere = /^skipped bench: .* is not installed/m.test(stdout);
  expect([status, everywhere]).toEqual([0, true]);
});
