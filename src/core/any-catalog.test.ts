import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { build, leads, listed, source } from "./catalog.fixture.ts";

describe("any catalog", () => {
  const name = fc.oneof(
    fc.constantFrom(
      "x",
      "b__x",
      "a__b__x",
      "x.y",
      "x_y",
      "x-y",
      "1",
      "_x",
      "__proto__",
      "constructor",
      "a:x",
      "b:x",
      "é",
      "ѕ",
    ),
    fc.constantFrom("n".repeat(46), "n".repeat(47), "n".repeat(129), `${"n".repeat(46)}.`, "😀"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }),
  );
  const plan = fc.record({
    tool: fc.array(name, { maxLength: 6 }),
    priority: fc.integer({ min: 1, max: 2 }),
    group: fc.option(fc.constantFrom("a", "g"), { nil: undefined }),
    fingerprint: fc.constantFrom("f", "g", "h"),
  });
  const upstreams = fc.uniqueArray(
    fc.constantFrom(
      "a",
      "b",
      "a_b",
      "a.b",
      "A",
      "9",
      "日本",
      "a-very-long-upstream-name-1",
      "a-very-long-upstream-name-2",
    ),
    { maxLength: 5 },
  );
  const rules = fc.record({
    strategy: fc.constantFrom("auto_prefix", "reject", "priority_override"),
    naming: fc.constantFrom("auto", "always", "never"),
    maxNameLength: fc.constantFrom(24, 46, 128),
  });

  it("lists each name once, in a form that every client accepts, and finds again what it lists", () => {
    fc.assert(
      fc.property(upstreams, fc.array(plan, { minLength: 5, maxLength: 5 }), rules, (names, plans, rule) => {
        const sources = names.map((upstream, index) => source(upstream, plans[index]!));
        const catalog = build(sources, rule);
        expect(new Set(listed(catalog)).size).toBe(catalog.entries.tool.length);
        for (const entry of catalog.entries.tool) {
          expect(entry.name).toMatch(/^[A-Za-z][A-Za-z0-9_-]*$/);
          expect(entry.name.length).toBeLessThanOrEqual(rule.maxNameLength);
          expect(entry.definition.string("name")).toBe(entry.name);
          expect(catalog.resolve("tool", entry.name)).toEqual({ kind: "found", entry });
        }
        // Nothing vanishes: each offered tool is listed, or hidden with a reason.
        for (const { name: upstream, offer } of sources) {
          for (const definition of offer!.definitions.tool) {
            const native = definition.string("name")!;
            const shown = catalog.entries.tool.some(entry =>
              entry.holders.some(holder => holder.upstream === upstream && holder.native === native),
            );
            expect(shown || catalog.hidden.some(h => h.upstream === upstream && h.name === native && h.reason)).toBe(
              true,
            );
            expect(leads(catalog, `${upstream}:${native}`)).toBe(`${upstream}:${native}`);
          }
        }
        expect(listed(build(sources, rule))).toEqual(listed(catalog));
      }),
      { numRuns: 400 },
    );
  });
});
