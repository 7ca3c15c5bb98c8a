import { expect, test } from "vitest";
import { buildCatalog } from "../core/build-catalog.ts";
import type { Call } from "../core/call.ts";
import type { Catalog, Offer } from "../core/catalog.ts";
import type { Front, ViewQueries } from "../core/front.ts";
import { ANONYMOUS } from "../core/names.fixture.ts";
import { ownerId, upstreamName } from "../core/names.ts";
import { bringing } from "../core/pass.fixture.ts";
import { Payload } from "../core/payload.ts";
import { NO_PRESSURE } from "../core/pressure.ts";
import { createRepairs } from "../core/repairs.ts";
import { NO_COMPILERS } from "../core/schema-verdicts.ts";
import { Aborter } from "../core/signal.ts";
import { finish } from "../core/steps.ts";
import { legacyAgent } from "../wire/legacy.ts";
import type { Agent } from "./agent.ts";
import { type Answer, endingOf, serve } from "./serve.ts";

const EMPTY = Payload.of({});

/** What an upstream with these tools makes up, beside one that was never seen where `absent` says so. */
function catalogOf(names: readonly string[], absent: boolean): Catalog {
  const none = { tool: undefined, prompt: undefined, resource: undefined, template: undefined };
  const tool = names.map(name => Payload.of({ name, inputSchema: { type: "object" } }));
  const offer: Offer = {
    ...{ upstream: upstreamName("a"), capabilities: EMPTY, serverInfo: undefined, instructions: undefined },
    ...{ definitions: { tool, prompt: [], resource: [], template: [] }, pages: none },
    hints: { ...none, profile: undefined },
  };
  const source = { priority: 1, group: undefined, fingerprint: "", filters: {}, loaded: undefined };
  return finish(
    buildCatalog({
      sources: [
        { ...source, name: upstreamName("a"), offer },
        ...(absent ? [{ ...source, name: upstreamName("b"), offer: undefined }] : []),
      ],
      ...{ strategy: "auto_prefix", naming: "auto", maxNameLength: 46, repairs: createRepairs(NO_COMPILERS) },
    }),
  );
}

test.each([false, true])(
  "a tool is found that is new since the list was read (beside an absent upstream: %s)",
  async absent => {
    let names = ["grow"];
    const queries = {
      catalog: () => catalogOf(names, absent),
      settled: async () => {},
      async fresh() {
        names = ["grow", "grown"];
      },
    } as unknown as ViewQueries;
    const called: (string | undefined)[] = [];
    const front = {
      ...{ pressure: NO_PRESSURE, view: () => queries },
      handle: bringing(({ target, subject }: Call) => {
        called.push(subject?.kind === "found" ? target : undefined);
        return { kind: "done", result: Payload.of({ content: [] }) };
      }),
    } as unknown as Front;
    const caller = { principal: ANONYMOUS, agent: "", owner: ownerId("ann"), capabilities: EMPTY, converses: true };
    const agent: Agent = { caller, era: legacyAgent, view: { kind: "all" }, logLevel: undefined };
    const params = Payload.of({ name: "grown" });
    const { signal } = new Aborter();
    const request = { method: "tools/call", params, signal, notify: () => {} };
    await new Promise<Answer>(done => serve(front, agent, request, endingOf(front, done)));
    expect(called).toEqual(["grown"]);
  },
);
