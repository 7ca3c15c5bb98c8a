import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Plan, source } from "../core/catalog.fixture.ts";
import type { Offer } from "../core/catalog.ts";
import { createLoadedOffers } from "./loaded-offers.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "radium-loaded-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const offer = (plan: Plan, unread: Offer["unread"] = []): Offer => ({ ...source("a", plan).offer!, unread });
const store = (where: string | null = folder) =>
  createLoadedOffers({ folder: where, trouble: detail => expect.unreachable(detail), now: () => 0 });
const ofA = (offers: ReturnType<typeof store>, now: Offer | undefined, identity = "i") =>
  offers.of({ name: "a", identity, offer: now });

describe("what an upstream offered when its configuration was loaded", () => {
  const [first, later] = [offer({ tool: ["t"] }), offer({ tool: ["t", "u"], prompt: ["p"] })];

  it("is what was known of it first, in this process and in the next", () => {
    const offers = store();
    expect(ofA(offers, undefined)?.knows("tool")).toBe(false);
    const loaded = ofA(offers, first);
    for (const known of [ofA(offers, later), ofA(store(), later)]) {
      expect(known?.digest("tool", "t")).toBe(loaded?.digest("tool", "t"));
      expect(known?.digest("tool", "t")).toMatch(/./);
      expect(known?.digest("tool", "u")).toBeUndefined();
      expect(known?.digest("prompt", "p")).toBeUndefined();
      expect(known?.whole).toBe(loaded?.whole);
    }
  });

  it("belongs to its address and settings", () => {
    const offers = store();
    ofA(offers, first);
    expect(ofA(offers, later, "other")?.digest("tool", "u")).toMatch(/./);
    expect(ofA(store(), offer({}), "i")?.digest("tool", "t")).toBeUndefined();
  });

  it("waits for a list that could not be read", () => {
    const offers = store();
    expect(ofA(offers, offer({ prompt: ["p"] }, ["tool"]))?.knows("tool")).toBe(false);
    expect(ofA(offers, later)?.digest("tool", "u")).toMatch(/./);
    expect(ofA(store(), first)?.digest("tool", "u")).toMatch(/./);
  });

  it("is kept of one list also while another has not been read", () => {
    const [before, after] = [{ name: "p" }, { name: "p", description: "changed" }].map(p => ({ prompt: [p] }));
    const loaded = ofA(store(), offer(before!, ["tool"]));
    const again = ofA(store(), offer(after!, ["tool"]));
    expect([again?.knows("tool"), again?.knows("prompt")]).toEqual([false, true]);
    expect(again?.digest("prompt", "p")).toBe(loaded?.digest("prompt", "p"));
    const { unread: _, ...read } = offer({ tool: ["t"] });
    expect(ofA(store(), read)?.knows("tool")).toBe(true);
  });

  it("is neither worked out nor written again while nothing new is known", () => {
    const offers = store();
    const loaded = ofA(offers, first);
    expect(ofA(offers, later)).toBe(loaded);
    const path = join(folder, readdirSync(folder)[0]!);
    const spaced = `${readFileSync(path, "utf8")}\n`;
    writeFileSync(path, spaced);
    expect(ofA(store(), later)?.digest("tool", "t")).toBe(loaded?.digest("tool", "t"));
    expect(readFileSync(path, "utf8")).toBe(spaced);
  });

  it("is kept in memory where there is no folder, and found out anew where the file is damaged", () => {
    const offers = store(null);
    ofA(offers, first);
    expect(ofA(offers, later)?.digest("tool", "u")).toBeUndefined();
    ofA(store(), first);
    const [file] = readdirSync(folder);
    for (const text of ["{", "[]", "null", '{"format":1}', '{"format":1,"identity":"x","tool":[1]}']) {
      writeFileSync(join(folder, file!), text);
      expect(ofA(store(), later)?.digest("tool", "u"), text).toMatch(/./);
    }
  });

  it("is the first of what is listed twice, and leaves out what has no name", () => {
    const tool = [{ name: "t", v: 1 }, { name: "t", v: 2 }, { v: 3 }];
    const loaded = ofA(store(), offer({ tool }));
    expect(loaded?.digest("tool", "t")).toBe(ofA(store(null), offer({ tool: [tool[0]!] }))?.digest("tool", "t"));
    expect(loaded?.whole).toBe(ofA(store(null), offer({ tool: [tool[0]!] }))?.whole);
  });

  it("is found out anew where the file is of another version, and kept in memory where it cannot be written", () => {
    ofA(store(), first);
    const [file] = readdirSync(folder);
    const path = join(folder, file!);
    writeFileSync(path, readFileSync(path, "utf8").replace('"format":1', '"format":2'));
    expect(ofA(store(), later)?.digest("tool", "u")).toMatch(/./);
    const troubles: string[] = [];
    const offers = createLoadedOffers({ folder: path, trouble: detail => troubles.push(detail), now: () => 0 });
    ofA(offers, first);
    expect(ofA(offers, later)?.digest("tool", "u")).toBeUndefined();
    expect(troubles).toHaveLength(1);
  });

  it("is prepared without a long pause", async () => {
    const many = offer({ tool: Array.from({ length: 3_000 }, (_, at) => `t${at}`) });
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    let clock = 0;
    await createLoadedOffers({ folder: null, trouble() {}, now: () => clock++ }).prepare(many);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(0);
  });

  it("is prepared in one go as long as that takes no time, and else with a pause every few milliseconds", async () => {
    const many = offer({ tool: Array.from({ length: 100 }, (_, at) => `t${at}`) });
    const pauses = vi.spyOn(globalThis, "setImmediate");
    const pausesWith = async (stepMs: number): Promise<number> => {
      pauses.mockClear();
      let clock = 0;
      const now = () => {
        clock += stepMs;
        return clock;
      };
      await createLoadedOffers({ folder: null, trouble() {}, now }).prepare(many);
      return pauses.mock.calls.length;
    };
    expect(await pausesWith(0)).toBe(0);
    expect(await pausesWith(1)).toBe(20);
    expect(await pausesWith(10)).toBe(100);
    pauses.mockRestore();
  });
});
