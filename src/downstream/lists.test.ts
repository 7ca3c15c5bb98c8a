import { describe, expect, it } from "vitest";
import { buildCatalog } from "../core/build-catalog.ts";
import type { Kind, Offer } from "../core/catalog.ts";
import type { ViewQueries } from "../core/front.ts";
import { ownerId, principal, upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { systemClock } from "../lib/clock.ts";
import { createSealer } from "../lib/seal.ts";
import { NO_CACHING } from "../wire/caching.ts";
import { LIST_METHODS, type ListMethod } from "../wire/methods.ts";
import { modernAgent } from "../wire/modern.ts";
import { answerList, PAGE_ENTRIES } from "./lists.ts";

const EMPTY = Payload.of({});
const TOOLS = LIST_METHODS.get("tools/list") as ListMethod;
const sealer = createSealer(Buffer.alloc(32, 1), { clock: systemClock });

function queriesOf(many: number): ViewQueries {
  const name = upstreamName("a");
  const none = { tool: undefined, prompt: undefined, resource: undefined, template: undefined };
  const tool = Array.from({ length: many }, (_, at) => Payload.of({ name: `t${at}`, inputSchema: { type: "object" } }));
  const offer: Offer = {
    ...{ upstream: name, capabilities: EMPTY, serverInfo: undefined, instructions: undefined },
    definitions: { tool, prompt: [], resource: [], template: [] },
    pages: none,
    hints: { ...none, profile: undefined },
  };
  const source = { name, priority: 1, group: undefined, fingerprint: "", tools: undefined, offer };
  const rules = { strategy: "auto_prefix", naming: "auto", maxNameLength: 46, repair: true } as const;
  const catalog = buildCatalog({ sources: [source], ...rules });
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

async function list(queries: ViewQueries, cursor?: string, who = "ann"): Promise<Record<string, unknown>> {
  const caller = { principal: principal(who), agent: who, owner: ownerId(who), capabilities: EMPTY, converses: false };
  const agent = { caller, era: modernAgent, view: { kind: "all" } } as const;
  const params = cursor === undefined ? EMPTY : Payload.of({ cursor });
  const answer = await answerList({ sealer }, agent, { queries, list: TOOLS, params });
  return answer.kind === "result" ? answer.result.value() : answer.error.error.value();
}

describe("a list", () => {
  it("comes in one page while it is short", async () => {
    const { tools, nextCursor } = await list(queriesOf(PAGE_ENTRIES));
    expect([(tools as unknown[]).length, nextCursor]).toEqual([PAGE_ENTRIES, undefined]);
  });

  it("comes in pages when it is long, nothing twice and nothing left out", async () => {
    const queries = queriesOf(2 * PAGE_ENTRIES + 5);
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(queries, cursor);
      names.push(...(page.tools as { name: string }[]).map(({ name }) => name));
      cursor = page.nextCursor as string | undefined;
    } while (cursor !== undefined);
    expect(names).toEqual(Array.from({ length: 2 * PAGE_ENTRIES + 5 }, (_, at) => `t${at}`));
  });

  it("knows no cursor that is made up, another agent's, or of a list that has changed", async () => {
    const queries = queriesOf(PAGE_ENTRIES + 1);
    const { nextCursor } = (await list(queries)) as { nextCursor: string };
    expect(await list(queries, "0")).toMatchObject({ code: -32602 });
    expect(await list(queries, "")).toMatchObject({ code: -32602 });
    expect(await list(queries, nextCursor, "bob")).toMatchObject({ code: -32602 });
    expect(await list(queriesOf(PAGE_ENTRIES + 2), nextCursor)).toMatchObject({ code: -32602 });
    expect(await list(queries, nextCursor)).toMatchObject({ tools: [{ name: `t${PAGE_ENTRIES}` }] });
  });
});
