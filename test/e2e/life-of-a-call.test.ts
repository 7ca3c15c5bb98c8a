import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Files {
  readonly carriers: readonly string[];
  readonly used: readonly string[];
}
interface Script {
  readonly PAGE: string;
  filesOfACall(): Promise<Files>;
  blockOf(files: Files): string;
  untrue(page: string, files: Files): string[];
}

const script = new URL("../../scripts/life-of-a-call.mjs", import.meta.url).href;
const { PAGE, filesOfACall, blockOf, untrue } = (await import(script)) as Script;

test("a call passes the files that the page names, and no others", async () => {
  const files = await filesOfACall();
  expect(files.carriers.length).toBeGreaterThan(5);
  expect(untrue(readFileSync(PAGE, "utf8"), files), "node scripts/life-of-a-call.mjs writes the list").toEqual([]);
});

const MEASURED: Files = { carriers: ["src/downstream/a.ts", "src/core/route.ts"], used: ["src/core/b.ts"] };
const pageOf = (files: Files, most = 2): string =>
  `A call may have at\nmost ${most} carriers.\n<!-- files of a call -->\n${blockOf(files)}\n<!-- end of files of a call -->\n`;

test("a page that says what was measured is true", () => {
  expect(untrue(pageOf(MEASURED), MEASURED)).toEqual([]);
});

test.each<[string, Files]>([
  ["a carrier that is missing", { ...MEASURED, carriers: ["src/core/route.ts"] }],
  ["a carrier that is none", { ...MEASURED, carriers: [...MEASURED.carriers, "src/guard/c.ts"] }],
  ["another file that is missing", { ...MEASURED, used: [] }],
  ["a file that no call uses", { ...MEASURED, used: ["src/core/b.ts", "src/lib/d.ts"] }],
])("a page is untrue with %s", (_, said) => {
  expect(untrue(pageOf(said), MEASURED)).toHaveLength(1);
});

test("carriers that are in the wrong list are two complaints", () => {
  const said = { carriers: ["src/core/route.ts"], used: ["src/core/b.ts", "src/downstream/a.ts"] };
  expect(untrue(pageOf(said), MEASURED)).toHaveLength(2);
});

test("more carriers than the page allows make it untrue, and so does a page without a limit", () => {
  expect(untrue(pageOf(MEASURED, 1), MEASURED)).toEqual(["a call has 2 carriers, and the page allows 1"]);
  expect(untrue(pageOf(MEASURED).replace("at\nmost 2", "few"), MEASURED)).toHaveLength(1);
});
