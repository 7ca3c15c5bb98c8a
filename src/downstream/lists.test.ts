import { describe, expect, it } from "vitest";
import { buildCatalog } from "../core/build-catalog.ts";
import type { Kind, Offer } from "../core/catalog.ts";
import type { ViewQueries } from "../core/front.ts";
import { ownerId, principal, upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { createRepairs } from "../core/repairs.ts";
import { NO_COMPILERS } from "../core/schema-verdicts.ts";
import { finish } from "../core/steps.ts";
import { systemClock } from "../lib/clock.ts";
import { createSealer } from "../lib/seal.ts";
import { NO_CACHING } from "../wire/caching.ts";
import type { AgentEra } from "../wire/era.ts";
import { legacyAgent } from "../wire/legacy.ts";
import { LIST_METHODS, type ListMethod } from "../wire/methods.ts";
import { modernAgent } from "../wire/modern.ts";
import { answerList, PAGE_BYTES } from "./lists.ts";

const EMPTY = Payload.of({});
const TOOLS = LIST_METHODS.get("tools/list") as ListMethod;
const sealer = createSealer(Buffer.alloc(32, 1), { clock: systemClock });

function queriesOf(many: number, description = ""): ViewQueries {
  const name = upstreamName("a");
  const none = { tool: undefined, prompt: undefined, resource: undefined, template: undefined };
  const tool = Array.from({ length: many }, (_, at) =>
    Payload.of({ name: `t${at}`, description, inputSchema: { type: "object" } }),
  );
  const offer: Offer = {
    ...{ upstream: name, capabilities: EMPTY, serverInfo: undefined, instructions: undefined },
    definitions: { tool, prompt: [], resource: [], template: [] },
    pages: none,
    hints: { ...none, profile: undefined },
  };
  const source = { name, priority: 1, group: undefined, fingerprint: "", filters: {}, loaded: undefined, offer };
  const rules = {
    strategy: "auto_prefix",
    naming: "auto",
    maxNameLength: 46,
    repairs: createRepairs(NO_COMPILERS),
  } as const;
  const catalog = finish(buildCatalog({ sources: [source], ...rules }));
  const absent = (): undefined => undefined;
  return {
    catalog: () => catalog,
    fresh: absent,
    page: absent as (kind: Kind) => undefined,
    hint: () => NO_CACHING,
    settled: async () => {},
    owner: () => ({ kind: "unknown", nearest: [] }),
    profile: () => ({ capabilities: EMPTY, instructions: undefined, serverInfo: EMPTY, hint: NO_CACHING }),
  };
}

/** What `agent` gets with that cursor: any value, or none. */
async function list(
  queries: ViewQueries,
  cursor?: unknown,
  agent: { who?: string; era?: AgentEra } = {},
): Promise<Record<string, unknown>> {
  const { who = "ann", era = modernAgent } = agent;
  const caller = { principal: principal(who), agent: who, owner: ownerId(who), capabilities: EMPTY, converses: false };
  const params = cursor === undefined ? EMPTY : Payload.of({ cursor });
  const answer = await answerList({ sealer }, { caller, era, view: { kind: "all" } }, { queries, list: TOOLS, params });
  return answer.kind === "result" ? answer.result.value() : answer.error.error.value();
}

/** Three of them are more than one page holds. */
const LONG = "x".repeat(PAGE_BYTES / 2 - 1_000);

describe("a list", () => {
  it("comes in one page, however many things are in it, while that is not too large for any client", async () => {
    const { tools, nextCursor } = await list(queriesOf(20_000));
    expect([(tools as unknown[]).length, nextCursor]).toEqual([20_000, undefined]);
  });

  it("comes in pages when it is long, nothing twice and nothing left out, none larger than it may be", async () => {
    const queries = queriesOf(5, LONG);
    const names: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await list(queries, cursor);
      expect(Buffer.byteLength(JSON.stringify(page.tools))).toBeLessThanOrEqual(PAGE_BYTES);
      names.push((page.tools as { name: string }[]).map(({ name }) => name));
      cursor = page.nextCursor as string | undefined;
    } while (cursor !== undefined);
    expect(names).toEqual([["t0", "t1"], ["t2", "t3"], ["t4"]]);
  });

  it("has a page even for what is larger than a page", async () => {
    const queries = queriesOf(2, "x".repeat(PAGE_BYTES + 1));
    const { tools, nextCursor } = await list(queries);
    expect(tools).toMatchObject([{ name: "t0" }]);
    expect(await list(queries, nextCursor)).toMatchObject({ tools: [{ name: "t1" }] });
  });

  it("begins at its beginning for agents that send a cursor with nothing in it, where their revision allows that", async () => {
    const queries = queriesOf(1);
    for (const cursor of [null, ""]) {
      expect(await list(queries, cursor, { era: legacyAgent })).toMatchObject({ tools: [{ name: "t0" }] });
      expect(await list(queries, cursor)).toMatchObject({ code: -32602 });
    }
    expect(await list(queries, 7, { era: legacyAgent })).toMatchObject({ code: -32602 });
  });

  it("knows no cursor that is made up, another agent's, or of a list that has changed", async () => {
    const queries = queriesOf(3, LONG);
    const { nextCursor } = await list(queries);
    expect(await list(queries, "0")).toMatchObject({ code: -32602 });
    expect(await list(queries, nextCursor, { who: "bob" })).toMatchObject({ code: -32602 });
    expect(await list(queriesOf(4, LONG), nextCursor)).toMatchObject({ code: -32602 });
    expect(await list(queries, nextCursor)).toMatchObject({ tools: [{ name: "t2" }] });
  });
});
