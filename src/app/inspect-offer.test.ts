import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HOSTILE_LISTS } from "../../test/fixtures/hostile/lists.ts";
import { buildCatalog, singleCatalog } from "../core/build-catalog.ts";
import type { Offer, Source } from "../core/catalog.ts";
import { upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { createRepairs } from "../core/repairs.ts";
import { UPSTREAM_TEXT } from "../core/scan-limits.ts";
import { Aborter } from "../core/signal.ts";
import { finish } from "../core/steps.ts";
import { systemClock } from "../lib/clock.ts";
import { createSchemaCompilers } from "../lib/schema-compilers.ts";
import { fetchOffer } from "../upstream/catalog/offer.ts";
import type { Link } from "../upstream/conversation/link.ts";
import { inspectOffer } from "./inspect-offer.ts";

/** How long this thread has had a processor, in ms: time that others took from it is none that it takes from others. */
function busyMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** The longest time, in ms, for which nothing else got a turn while this was done. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = busyMs();
  let watching = true;
  const tick = (): void => {
    const now = busyMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (watching) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  watching = false;
  await new Promise(resolve => setImmediate(resolve));
  return longest;
}

const WIDE = Object.keys(HOSTILE_LISTS).filter(kind => /wide|enum|alternatives|references|icons|metadata/.test(kind));
const EMPTY = '{"tools":[],"prompts":[],"resources":[],"resourceTemplates":[]}';

describe("T-44 a wide schema", () => {
  it.each(WIDE.filter(kind => kind !== "deep alternatives"))("holds nobody up for more than 20 ms: %s", async kind => {
    const lists = HOSTILE_LISTS[kind]!();
    const compilers = createSchemaCompilers({ clock: systemClock });
    const text = Buffer.from(lists["tools/list"] as string);
    const link = {
      capabilities: Payload.of({ tools: {} }),
      era: { emptyCursorEnds: true },
      ask: async (method: string) => {
        const result = method === "tools/list" ? PAGE : Payload.parse(EMPTY);
        return { kind: "result", result };
      },
    } as unknown as Link;
    const PAGE = Payload.parse(text, UPSTREAM_TEXT);
    const rounds: number[] = [];
    // A machine that is busy with other things makes a round slower, and not all of them.
    for (let round = 0; round < 3; round++) {
      const repairs = createRepairs(compilers.verdicts, { offThread: true });
      rounds.push(
        await longestTurn(async () => {
          const found = await fetchOffer(link, { upstream: upstreamName("u"), signal: new Aborter().signal });
          const { offer, problems } = found as { offer: Offer; problems: readonly string[] };
          expect(offer.definitions.tool.length + problems.length).toBeGreaterThan(0);
          await inspectOffer(offer, { repairs, compilers, now: systemClock.now });
          const source: Source = { ...PLAIN, offer };
          await new Promise(resolve => setImmediate(resolve));
          finish(buildCatalog({ ...RULES, sources: [source], repairs }));
          await new Promise(resolve => setImmediate(resolve));
          finish(singleCatalog(source));
        }),
      );
    }
    await compilers.stop();
    expect(Math.min(...rounds)).toBeLessThan(20);
  });
});

const RULES = { strategy: "auto_prefix", naming: "auto", maxNameLength: 46 } as const;
const PLAIN: Omit<Source, "offer"> = {
  ...{ name: upstreamName("u"), priority: 1, group: undefined, fingerprint: "f", loaded: undefined, filters: {} },
};
