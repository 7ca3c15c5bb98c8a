import { describe, expect, test } from "vitest";
import { bench, type Figure } from "./modules.ts";

type Round = Readonly<Record<string, number>>;
interface Table {
  median(values: readonly number[]): number;
  figureOf(figure: object, measured: object): Figure;
  targetRows(results: readonly object[]): string[][];
  aligned(rows: readonly string[][], left?: number): string;
  markdown(rows: readonly string[][]): string;
  between(text: string, name: string, content: string): string;
}
const { median, figureOf, targetRows, aligned, markdown, between } = await bench<Table>("table.mjs");

const cpu = (...values: number[]): Round[] => values.map(cpuUs => ({ cpuUs }));
const runs = (lines: Record<string, Round[]>) => ({ runs: new Map(Object.entries(lines)) });

test("a median is the middle, or between the two in the middle", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

describe("a figure", () => {
  test("is the median of the ratios of the turns, not the ratio of medians", () => {
    const measured = runs({ nginx: cpu(10, 20, 40), gateway: cpu(20, 80, 100) });
    const figure = figureOf({ kind: "ratio", of: "gateway", least: 0.4 }, measured);
    expect(figure).toMatchObject({ value: 0.4, least: 0.4, reached: true });
  });

  test("is compared with the dearer of two ways", () => {
    const measured = runs({ a: cpu(50), b: cpu(100), mixed: cpu(125) });
    const figure = figureOf({ kind: "against", of: "mixed", against: ["a", "b"], least: 0.9 }, measured);
    expect(figure).toMatchObject({ value: 0.8, reached: false });
  });

  test("says how many times the CPU of another line it is", () => {
    const measured = runs({ plain: cpu(100), renamed: cpu(102) });
    expect(figureOf({ kind: "cost", of: "renamed", against: "plain", most: 1.03 }, measured)).toMatchObject({
      value: 1.02,
      reached: true,
    });
  });

  test("is what a line adds to another in the same turn", () => {
    const measured = runs({ direct: [{ p50Us: 20 }, { p50Us: 40 }], gateway: [{ p50Us: 120 }, { p50Us: 160 }] });
    expect(figureOf({ kind: "added", of: "gateway", to: "direct", field: "p50Us", most: 100 }, measured)).toMatchObject(
      {
        value: 110,
        unit: "µs",
        reached: false,
      },
    );
  });

  test("counts refused calls", () => {
    const refusals = { kind: "refusals", of: "gateway", most: 0 };
    expect(figureOf(refusals, { runs: new Map(), refused: { gateway: 0 } }).reached).toBe(true);
    expect(figureOf(refusals, { runs: new Map(), refused: { gateway: 3 } }).reached).toBe(false);
    expect(figureOf(refusals, { runs: new Map(), refused: {} }).reached).toBe(null);
  });

  test("is unknown without nginx", () => {
    const figure = figureOf({ kind: "ratio", of: "gateway", least: 0.4 }, runs({ gateway: cpu(20) }));
    expect(figure).toMatchObject({ value: null, reached: null });
  });
});

test("the table of targets names case, figure, target and whether it is reached", () => {
  const figures = [
    { title: "", value: 0.123, unit: "", least: 0.4, reached: false },
    { title: "p99", value: 1500, unit: "µs", most: 2000, reached: true },
    { title: "other", value: null, unit: "", reached: null },
  ];
  const [, ...rows] = targetRows([{ title: "300 B", figures }]);
  expect(rows).toEqual([
    ["300 B", "0.123", "≥ 0.4", "no"],
    ["300 B: p99", "1,500 µs", "≤ 2,000 µs", "yes"],
    ["300 B: other", "–", "", "–"],
  ]);
});

test("a table is aligned for terminals and marked for pages", () => {
  const rows = [
    ["case", "µs"],
    ["a longer one", "1"],
  ];
  expect(aligned(rows, 1)).toBe("case          µs\na longer one   1");
  expect(markdown(rows)).toBe("| case | µs |\n| --- | --- |\n| a longer one | 1 |");
});

test("only what stands between the marks is replaced", () => {
  const page = "before\n<!-- x -->\nold\n<!-- end of x -->\nafter\n";
  expect(between(page, "x", "new")).toBe("before\n<!-- x -->\nnew\n<!-- end of x -->\nafter\n");
  expect(() => between("no marks", "x", "new")).toThrow("<!-- x -->");
});
