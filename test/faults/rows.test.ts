import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GOALS, ROWS, type RowPlace } from "./rows.ts";

const FOLDER = import.meta.dirname;
const ids = Array.from({ length: 56 }, (_, index) => `F-${String(index + 1).padStart(2, "0")}`);
const places: ReadonlyMap<string, RowPlace> = new Map(Object.entries(ROWS));

/** The rows that the text of a test file names: `row("F-01", …)` or `id: "F-01"`. */
const named = (file: string): Set<string> =>
  new Set([...readFileSync(join(FOLDER, file), "utf8").matchAll(/(?:row\(|id:)\s*"(F-\d\d)"/g)].map(([, id]) => id!));

test("every row of the fault matrix has its place, and no row is made up", () => {
  expect([...places.keys()]).toEqual(ids);
});

test("every row has a test where its place says, or a reason why not", () => {
  const skipped = [...places].flatMap(([id, place]) => ("skipped" in place ? [`${id} ${place.skipped}`] : []));
  if (skipped.length > 0) console.log(`rows without a test:\n${skipped.join("\n")}`);
  const missing = [...places].filter(([id, place]) => "file" in place && !named(place.file).has(id));
  expect(missing).toEqual([]);
});

test("every row that a test names is one that has its place there", () => {
  const files = readdirSync(FOLDER).filter(name => name.endsWith(".test.ts") && name !== "rows.test.ts");
  for (const file of files) {
    const without = [...named(file)].filter(id => "skipped" in (places.get(id) ?? { skipped: "" }));
    expect(without, file).toEqual([]);
  }
});

test("every goal is shown in files that are there", () => {
  for (const { shown } of Object.values(GOALS)) {
    const files = shown.match(/[\w/-]+\.test\.ts/g) ?? [];
    expect(files.length, shown).toBeGreaterThan(0);
    for (const file of files)
      expect(existsSync(join(file.includes("/") ? process.cwd() : FOLDER, file)), file).toBe(true);
  }
});
