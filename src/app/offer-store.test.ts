import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { source } from "../core/catalog.fixture.ts";
import { createOfferStore } from "./offer-store.ts";

const folder = mkdtempSync(join(tmpdir(), "offers-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a kept catalog tells whether it is of the same upstream, and not where that is", () => {
  const store = createOfferStore(folder, () => {});
  const url = "https://example.com/mcp?key=canary";
  store.save(source("one", { tool: ["a"] }).offer!, url);
  const kept = readdirSync(folder).map(name => readFileSync(join(folder, name), "utf8"));
  expect(kept).toHaveLength(1);
  expect(kept.join()).not.toContain("canary");
  expect(store.load("one", url)?.definitions.tool).toHaveLength(1);
  expect(store.load("one", "https://example.com/other")).toBeUndefined();
});

test("of large catalogs the last one is kept, whatever came while one was written", async () => {
  const store = createOfferStore(folder, detail => expect.fail(detail));
  const large = (count: number) =>
    source("large", { tool: Array.from({ length: count }, (_, at) => `tool${at}`) }).offer!;
  for (const count of [9_000, 10_000, 3]) store.save(large(count), "here");
  store.save(source("other", { tool: ["a"] }).offer!, "there");
  await store.saved();
  expect(store.load("large", "here")?.definitions.tool).toHaveLength(3);
  expect(store.load("other", "there")?.definitions.tool).toHaveLength(1);
  store.save(large(9_000), "here");
  await store.saved();
  const kept = store.load("large", "here")!;
  expect(kept.definitions.tool.map(tool => tool.string("name")).slice(-2)).toEqual(["tool8998", "tool8999"]);
  expect(readdirSync(folder).filter(name => name.endsWith(".tmp"))).toEqual([]);
});
