import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const generator = new URL("../scripts/generate.mjs", import.meta.url).href;
const { generated } = (await import(generator)) as { generated: () => Promise<Record<string, string>> };

it.each(Object.entries(await generated()))("%s is what scripts/generate.mjs would write", (path, content) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), "utf8")).toBe(content);
});
