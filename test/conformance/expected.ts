import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Regression } from "../peers/conformance.mjs";

/** Group → scenario, or `scenario:check` → why it fails. */
type Expected = Readonly<Record<string, Readonly<Record<string, string>>>>;

const ALL = JSON.parse(readFileSync(new URL("expected-failures.json", import.meta.url), "utf8")) as {
  readonly server: Expected;
  readonly client: Expected;
};

/** Fails on what is worse than it should be, and on what is expected to be and is not. */
export function expectOnly(role: keyof typeof ALL, group: string, found: readonly Regression[]): void {
  const expected = ALL[role][group] ?? {};
  const covers = (entry: string, { check }: Regression) => check === entry || check.startsWith(`${entry}:`);
  const unexpected = found.filter(one => !Object.keys(expected).some(entry => covers(entry, one)));
  expect(unexpected.map(({ check, says }) => `${check} is ${says}`)).toEqual([]);
  const stale = Object.keys(expected).filter(entry => !found.some(one => covers(entry, one)));
  expect(stale, "expected to fail and does not").toEqual([]);
}

/** Fails on groups that no test looks at. */
export function expectKnown(role: keyof typeof ALL, groups: readonly string[]): void {
  expect(Object.keys(ALL[role]).filter(group => !groups.includes(group))).toEqual([]);
}
