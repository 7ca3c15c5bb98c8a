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
