import { describe, expect, it } from "vitest";
import { build, leads, source } from "./catalog.fixture.ts";

describe("a URI that is in no list", () => {
  /** Each takes the whole URI at every one of its pieces, and fails at its end. */
  const costly = Array.from({ length: 2_000 }, (_, at) => `${"{+a}".repeat(400)}/${at}?`);

  it("is compared with templates in bounded time, however many an upstream has", () => {
    const catalog = build([source("slow", { template: costly })]);
    const startedMs = performance.now();
    // To the end of every template it would take half a minute.
    expect(leads(catalog, `file:///${"x".repeat(8_000)}`, "resource")).toMatch(/^unknown/);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it("leads to the upstream whose template fits, whatever the templates of others cost", () => {
    const catalog = build([source("slow", { template: costly }), source("files", { template: ["file:///{+path}"] })]);
    expect(leads(catalog, `file:///${"x".repeat(8_000)}`, "resource")).toMatch(/^files:/);
  });

  it("finds the one that fits among very many that do not", () => {
    const template = Array.from({ length: 5_000 }, (_, at) => `test://${at}/{id}/{+rest}`);
    const catalog = build([source("many", { template })]);
    expect(leads(catalog, `test://4321/7/${"x/".repeat(1_000)}`, "resource")).toMatch(/^many:/);
  });
});
