import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bench, type Case } from "./modules.ts";

const { CASES } = await bench<{ CASES: Case[] }>("cases.mjs");
const { floorsOf, underFloor } = await bench<{
  floorsOf(results: readonly object[]): Record<string, number>;
  underFloor(measured: Record<string, number>, floors: Record<string, number>): Map<string, string>;
}>("floors.mjs");
const { settings } = await bench<{ settings(args: string[], known: string[]): Record<string, unknown> }>("options.mjs");
const { peerCases, peerNotes } = await bench<{
  peerCases(env: object): Case[];
  peerNotes(env: object): string[];
}>("peers.mjs");

const SHARED = ["direct", "nginx", "caddy"];

describe.each([...CASES, ...peerCases({})].map(one => [one.key, one] as const))("the case %s", (_, one) => {
  test("has lines whose processes it knows, each under a name of its own", () => {
    const names = one.lines.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const known = [...SHARED, ...Object.keys(one.processes)];
    expect(one.lines.filter(line => !known.includes(line.process))).toEqual([]);
  });

  test("has figures of lines that it has", () => {
    const names = one.lines.map(({ name }) => name);
    const needed = one.figures.flatMap(({ of, to = [], against = [] }) => [of, to, against].flat());
    expect(needed.filter(name => !names.includes(name))).toEqual([]);
  });
});

describe("floors", () => {
  const floors = JSON.parse(readFileSync("bench/floors.json", "utf8")).ratios as Record<string, number>;

  test("are there for the cases of the short form, and no others", () => {
    const keys = CASES.filter(({ floor }) => floor).map(({ key }) => key);
    expect(Object.keys(floors).sort()).toEqual(keys.sort());
  });

  test("give way by a sixth and no more", () => {
    expect(underFloor({ a: 0.342 }, { a: 0.4 }).size).toBe(0);
    expect(underFloor({ a: 0.338 }, { a: 0.4 }).get("a")).toContain("a: 0.338 of nginx");
    expect(underFloor({ a: 0.9, unknown: 0.1 }, { a: 0.4 }).size).toBe(0);
  });

  test("are made of the first figure of warm cases", () => {
    const figures = [{ value: 0.4 }, { value: 9 }];
    const results = [
      { key: "a", floor: true, figures, cold: [] },
      { key: "b", floor: true, figures, cold: ["gateway"] },
      { key: "c", floor: false, figures, cold: [] },
      { key: "d", floor: true, figures: [{ value: null }], cold: [] },
    ];
    expect(floorsOf(results)).toEqual({ a: 0.4 });
  });
});

describe("the command line", () => {
  test("has a short form", () => {
    expect(settings([], [])).toMatchObject({ rounds: 5, seconds: 2, brief: false });
    expect(settings(["--quick"], [])).toMatchObject({ rounds: 3, seconds: 1, brief: true });
    expect(settings(["--check-floors"], [])).toMatchObject({ brief: true });
    expect(settings(["--quick", "--rounds", "7"], [])).toMatchObject({ rounds: 7 });
  });

  test.each([
    [["--cases", "a,x"], "no case x; there are a, b"],
    [["--rounds", "0"], "--rounds takes a whole number above 0"],
    [["--seconds", "1.5"], "--seconds takes a whole number above 0"],
    [["--idle", "--cases", "a"], "--idle is a case of its own"],
    [["--write", "docs/performance.md", "--quick"], "--write needs all cases in full"],
    [["--nonsense"], "--nonsense"],
  ])("refuses %s", (args, complaint) => {
    expect(() => settings(args, ["a", "b"])).toThrow(complaint);
  });

  test("takes cases with spaces between", () => {
    expect(settings(["--cases", "a, b"], ["a", "b"])).toMatchObject({ cases: ["a", "b"] });
    expect(settings(["--idle"], [])).toMatchObject({ cases: ["idle"] });
  });
});

describe("peers", () => {
  test("that are missing are said in a line each", () => {
    const notes = peerNotes({});
    expect(notes.length).toBeGreaterThanOrEqual(2);
    expect(notes.filter(note => !note.includes(" is left out: ") || note.includes("\n"))).toEqual([]);
  });

  test("that a variable names are measured, started or running", () => {
    const env = { BENCH_MCP_PROXY_GO: process.execPath, BENCH_DOCKER_MCP_URL: "http://127.0.0.1:29000/all" };
    expect(peerNotes(env).filter(note => /TBXark|docker-mcp/.test(note))).toEqual([]);
    const lines = peerCases(env)[0]?.lines ?? [];
    expect(lines.map(({ name, path }) => [name, path])).toEqual(
      expect.arrayContaining([
        ["TBXark/mcp-proxy (Go)", "/mock/mcp"],
        ["docker-mcp (Go)", "/all"],
      ]),
    );
  });
});
