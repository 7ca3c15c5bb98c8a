import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAll } from "../fixtures/agents/wire.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { missing, runClientScenario } from "../peers/conformance.mjs";
import { openAgent, useAll, type Wish } from "./agent.ts";
import { expectKnown, expectOnly } from "./expected.ts";

/**
 * The gateway's side towards upstreams as the client under test: the suite is its only upstream, and an agent of ours
 * uses everything that it offers.
 */
const reason = missing();
if (reason) console.log(`skipped: ${reason}`);

/**
 * Scenarios that need a person at a browser are left out; the credentials of the last come from its context. The agent
 * speaks the revision of the scenario, or another one: what headers must repeat, only the gateway can know then.
 */
const SCENARIOS: readonly (readonly [scenario: string, revision: string, agent?: string])[] = [
  ["initialize", "2025-06-18"],
  ["initialize", "2025-11-25"],
  ["tools_call", "2025-06-18"],
  ["tools_call", "2025-11-25"],
  ["tools_call", "2026-07-28"],
  ["elicitation-sep1034-client-defaults", "2025-11-25"],
  ["sse-retry", "2025-11-25"],
  ["request-metadata", "2026-07-28"],
  ["sep-2322-client-request-state", "2026-07-28"],
  ["http-standard-headers", "2026-07-28"],
  ["http-custom-headers", "2026-07-28", "2025-11-25"],
  ["http-invalid-tool-headers", "2026-07-28", "2025-11-25"],
  ["json-schema-ref-no-deref", "2026-07-28"],
  ["json-schema-2020-12-preservation", "2025-11-25"],
  ["json-schema-2020-12-preservation", "2026-07-28"],
  ["auth/client-credentials-basic", "", "2025-11-25"],
];
const groupOf = (scenario: string, revision: string): string => `${scenario} ${revision}`.trim();

interface Told {
  readonly url: string;
  readonly scenario: string;
  readonly context: Json & { readonly toolCalls?: readonly Wish[] };
}

/** What somebody would write into the configuration who had got a client id and a secret. */
async function credentials({ url, context }: Told): Promise<Json> {
  if (context.client_secret === undefined) return {};
  const get = async (address: string) => (await (await fetch(address)).json()) as Json;
  const { origin, pathname } = new URL(url);
  const resource = await get(`${origin}/.well-known/oauth-protected-resource${pathname}`);
  const [server] = resource.authorization_servers as string[];
  const { token_endpoint } = await get(`${server?.replace(/\/$/, "")}/.well-known/oauth-authorization-server`);
  const { client_id, client_secret } = context;
  return { auth: { auth_type: "oauth", token_url: token_endpoint, client_id, client_secret } };
}

describe.skipIf(reason !== undefined)("the official suite for clients", () => {
  let listener: Server;
  let revision = "";

  async function play(told: Told): Promise<void> {
    const upstream = { name: "suite", transport: "http", url: told.url, ...(await credentials(told)) };
    const security = { rate_limit_per_minute: 0 };
    const gateway = await startGateway({ toml: configToml([upstream], { security }) });
    try {
      await gateway.until();
      const agent = await openAgent(gateway.url, revision);
      await useAll(agent, told.context.toolCalls);
      await agent.close();
    } finally {
      await gateway.close();
    }
  }

  beforeAll(async () => {
    listener = createServer(async (request, response) => {
      const problem = await play(JSON.parse(await readAll(request)) as Told).catch(error => String(error?.stack));
      response.writeHead(problem === undefined ? 200 : 500).end(problem);
    }).listen(0, "127.0.0.1");
    await once(listener, "listening");
  });
  afterAll(() => void listener.close());

  test.each(SCENARIOS.map(([scenario, wanted, agent = wanted]) => ({ scenario, wanted, agent })))(
    "$scenario $wanted",
    async ({ scenario, wanted, agent }) => {
      revision = agent;
      const { port } = listener.address() as AddressInfo;
      const forward = fileURLToPath(new URL("forward.mjs", import.meta.url));
      const command = `${process.execPath} ${forward} http://127.0.0.1:${port}`;
      const { checks, log } = await runClientScenario(command, scenario, wanted || undefined);
      expect(Object.keys(checks), log).not.toEqual([]);
      const failed = Object.entries(checks).flatMap(([check, { FAILURE, messages }]) =>
        FAILURE ? [{ check, says: messages.join("; ") }] : [],
      );
      expectOnly("client", groupOf(scenario, wanted), failed);
    },
  );

  test("expected failures are of scenarios that exist", () => {
    expectKnown(
      "client",
      SCENARIOS.map(([scenario, wanted]) => groupOf(scenario, wanted)),
    );
  });
});
