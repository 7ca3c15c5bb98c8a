import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DIFFERENCES } from "./eras/differences.ts";

const rows = Object.values(DIFFERENCES).flat();

describe("docs/eras.md", () => {
  test.each(rows.map(row => [row.what, row] as const))("says of %s what tests show", (_what, { shownBy }) => {
    expect(shownBy.length).toBeGreaterThan(0);
    for (const [file, title] of shownBy) {
      expect(existsSync(file), file).toBe(true);
      expect(readFileSync(file, "utf8").includes(title), `${file} has no longer "${title}"`).toBe(true);
    }
  });

  test("says each thing once", () => {
    expect(new Set(rows.map(({ what }) => what)).size).toBe(rows.length);
  });

  test("is the only page that says what differs", () => {
    const pages = ["README.md", ...readdirSync("docs").map(name => `docs/${name}`)].filter(
      name => name.endsWith(".md") && !SAYS_WHAT_DIFFERS.includes(name),
    );
    const lines = pages.flatMap(page =>
      readFileSync(page, "utf8")
        .split("\n")
        .filter(line => NAMES_REVISION.test(line) && !NAMES_NO_DIFFERENCE.some(fits => fits.test(line)))
        .map(line => `${page}: ${line}`),
    );
    expect(lines).toEqual([]);
  });
});

/** One says what is meant to differ, the others what was measured. */
const SAYS_WHAT_DIFFERS = ["docs/eras.md", "docs/compatibility.md", "docs/performance.md"];
const NAMES_REVISION = /\b(?:2024-11-05|2025-03-26|2025-06-18|2025-11-25|2026-07-28)\b|\b(?:legacy|modern)\b/i;
/** The range that is spoken, the transport of that name, what `status` prints, what is measured, a word of the glossary, a list of files. */
const NAMES_NO_DIFFERENCE = [
  /2024-11-05 to 2026-07-28/,
  /HTTP\+SSE of 2024-11-05/,
  /^✔/,
  /^One `tools\/call` of revision/,
  /eras\.md/,
  /^(?:\d+\.|- src\/\w+:) `src\//,
];
