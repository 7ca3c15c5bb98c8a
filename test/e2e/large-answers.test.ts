import { describe, expect, test } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const LARGE = 30_000_000;
const WHEN = { method: "tools/call", name: "count" } as const;
const THEN = { do: "big", bytes: LARGE } as const;

/** The gateway in front of an upstream whose tool `count` gives thirty megabytes, by the way in which they come. */
const WAYS: Readonly<Record<string, (table: Json) => Promise<GatewayRun>>> = {
  "one JSON object": table => overHttp({ mode: "json" }, table),
  "an event of the answer's stream": table => overHttp({ era: "legacy", mode: "sse" }, table),
  "an event of the only stream": table => overHttp({ transport: "sse", era: "legacy" }, table),
  "a line of a child": table =>
    gatewayFor({
      transport: "stdio",
      ...upstreamCommand("--script", `[{"when":${JSON.stringify(WHEN)},"then":${JSON.stringify(THEN)}}]`),
      ...table,
    }),
};

async function overHttp(options: StartOptions, table: Json): Promise<GatewayRun> {
  const upstream = keep(await startUpstream(options));
  upstream.when(WHEN, THEN);
  return gatewayFor({ transport: upstream.options.transport, url: upstream.url, ...table });
}

async function gatewayFor(table: Json): Promise<GatewayRun> {
  const gateway = keep(await startGateway({ toml: configToml([{ name: "fixture", ...table }]) }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  return gateway;
}

describe.each(Object.entries(WAYS))("an answer of thirty megabytes, as %s", (_, start) => {
  test("reaches its agent", async () => {
    const { url } = await start({});
    const { message, raw } = await modernAgent(url).request("tools/call", { name: "count", arguments: {} });
    expect(message?.error).toBeUndefined();
    expect(raw.length).toBeGreaterThan(LARGE);
  });

  test("costs its call and nothing else where only one megabyte may come", async () => {
    const gateway = await start({ max_result_bytes: 1_000_000 });
    const [before] = (await gateway.status()).upstreams;
    const agent = modernAgent(gateway.url);
    const meanwhile = agent.request("tools/call", { name: "slow", arguments: { ms: 2_000 } });
    const { message } = await agent.request("tools/call", { name: "count", arguments: {} });
    expect(message?.error).toMatchObject({
      code: -31008,
      data: { gateway: { reason: "response_too_large", delivery: "answered", retryable: false } },
    });
    expect((await meanwhile).message?.result).toMatchObject({ content: [{ text: "waited 2000 ms" }] });
    const [after] = (await gateway.status()).upstreams;
    expect([after?.state, after?.pid]).toEqual(["ready", before?.pid]);
  });
});
