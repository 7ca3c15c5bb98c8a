import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../../fixtures/agents/http.ts";
import { type LineAgent, stdioAgent } from "../../fixtures/agents/lines.ts";
import { configToml, type GatewayRun, startGateway } from "../../fixtures/gateway.ts";
import { commandOf, missing, SERVERS } from "./manifest.ts";

/**
 * Servers whose JSON parser takes keys for one that differ in case: what they would run is not what the gateway has
 * judged. Directly they run it, which is what makes the refusal through the gateway worth something.
 */
const LAX = SERVERS.filter(({ name }) => name === "mcp-go" || name === "mcp-go-older");
const here = LAX.filter(server => {
  const reason = missing(server);
  if (reason) console.log(`skipped: ${server.name} (${reason}; see test/peers/fleet/README.md)`);
  return reason === undefined;
});

const ADD = '"name":"add","arguments":{"a":1,"b":2}';
/** Parameters, and what a lax server makes of them: the tool `fail`, or another sum. */
const TWINS: readonly (readonly [params: string, directly: string])[] = [
  [`{${ADD},"Name":"fail"}`, "failed on purpose"],
  [`{${ADD},"nAME":"fail"}`, "failed on purpose"],
  [`{${ADD},"Arguments":{"a":40,"b":2}}`, "42"],
  [`{${ADD},"argument\u017f":{"a":40,"b":2}}`, "42"],
  ['{"name":"add","arguments":{"a":1,"b":2,"a":40}}', "42"],
  [`{"Name":"fail"}`, "failed on purpose"],
];

describe.each(here)("T-20 $name, a server with a lax parser", server => {
  let gateway: GatewayRun;
  let direct: LineAgent;
  const line = commandOf(server.stdio ?? server.http);
  beforeAll(async () => {
    direct = await stdioAgent(line.command, line.args, { version: "2025-06-18" });
    gateway = await startGateway({
      toml: configToml([{ name: "lax", transport: "stdio", ...line, tools: ["add"] }]),
    });
    await gateway.until();
  });
  afterAll(async () => {
    await gateway?.close();
    await direct?.close();
  });

  test.each(TWINS)("runs nothing else than what was judged: %s", async (rawParams, directly) => {
    expect((await direct.request("tools/call", {}, { rawParams })).resultText).toContain(directly);
    const session = await legacyAgent(gateway.url);
    for (const agent of [session, modernAgent(gateway.url)]) {
      const { message } = await agent.request("tools/call", {}, { rawParams });
      expect(message).toMatchObject({ error: { code: -32600 } });
    }
    const plain = await session.request("tools/call", {}, { rawParams: `{${ADD}}` });
    expect(plain.resultText).toContain('"3"');
    await session.close();
  });
});
