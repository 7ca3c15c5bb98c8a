import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { addAsking, elicit } from "../fixtures/asking.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type Json, RpcError, type RpcMessage } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const CAN = { elicitation: {}, sampling: {}, roots: {} };
const ASKS = { name: "test_elicitation", arguments: { message: "Who?" } };

/** Answers whatever is asked with a name. */
const respond = ({ method }: RpcMessage) =>
  method === "elicitation/create" ? { action: "accept", content: { name: "Ada", username: "Ada" } } : undefined;

const TRANSPORTS = {
  http: async () => {
    const upstream = keep(await startUpstream());
    return { name: "both", transport: "http", url: upstream.url };
  },
  stdio: async () => ({ name: "both", transport: "stdio", ...upstreamCommand("--era", "dual") }),
} as const satisfies Record<string, () => Promise<Json>>;

describe.each(["http", "stdio"] as const)("an upstream that speaks both eras, over %s", transport => {
  async function behind(proxy: Json = {}, table: Json = {}) {
    const upstream = { ...(await TRANSPORTS[transport]()), ...table };
    const gateway = keep(await startGateway({ toml: configToml([upstream], proxy) }));
    await gateway.until();
    return gateway;
  }

  test.each(["/mcp", "/mcp/both"])("asks a legacy agent in the middle of its first call (%s)", async path => {
    const gateway = await behind();
    const agent = keep(await legacyAgent(gateway.base + path, "2025-11-25", { capabilities: CAN, respond }));
    const { message } = await agent.request("tools/call", ASKS);
    expect(JSON.stringify(message?.result)).toContain("Ada");
  });

  test("is spoken to by a modern agent in its own revision", async () => {
    const gateway = await behind();
    const agent = modernAgent(gateway.url, { capabilities: CAN });
    const { message } = await agent.request("tools/call", { name: "test_input_required_result_elicitation" });
    expect(message?.result).toMatchObject({ resultType: "input_required" });
  });

  test("gives a legacy agent log lines for which it has named no level", async () => {
    const gateway = await behind();
    const agent = keep(await legacyAgent(gateway.url));
    const heard = await agent.listen();
    const { before } = await agent.request("tools/call", { name: "test_tool_with_logging" });
    const inCall = before.filter(({ method }) => method === "notifications/message").length;
    const aside = inCall > 0 ? undefined : await heard.inbox.next(({ method }) => method === "notifications/message");
    expect(inCall > 0 || aside !== undefined).toBe(true);
    heard.close();
  });
});

test("a modern agent is asked by a tool that can only ask in a conversation, once it has been seen to do so", async () => {
  const upstream = keep(await startUpstream());
  // As servers of several SDKs do it.
  addAsking(upstream, async ({ era, ask }) => {
    if (era === "modern") throw new RpcError(-32600, "cannot ask here");
    return JSON.stringify(await ask(elicit("Who?")));
  });
  const gateway = keep(
    await startGateway({ toml: configToml([{ name: "both", transport: "http", url: upstream.url }]) }),
  );
  await gateway.until();
  const modern = modernAgent(gateway.url, { capabilities: CAN });
  const call = { name: "asking", arguments: {} };
  expect((await modern.request("tools/call", call)).message?.error).toMatchObject({ code: -32600 });
  const legacy = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities: CAN, respond }));
  await legacy.request("tools/call", call);
  const asked = (await modern.request("tools/call", call)).message?.result ?? {};
  expect(asked).toMatchObject({ resultType: "input_required" });
  const [key = ""] = Object.keys(asked.inputRequests as Json);
  const inputResponses = { [key]: { action: "accept", content: { name: "Ada" } } };
  const done = await modern.request("tools/call", { ...call, inputResponses, requestState: asked.requestState });
  expect(JSON.stringify(done.message?.result)).toContain("Ada");
});

test("answers go where the question came from, though the tool was seen to ask in a conversation meanwhile", async () => {
  const upstream = keep(await startUpstream());
  addAsking(upstream, async ({ ask }) => JSON.stringify(await ask(elicit("Who?"))));
  const gateway = keep(
    await startGateway({ toml: configToml([{ name: "both", transport: "http", url: upstream.url }]) }),
  );
  await gateway.until();
  const modern = modernAgent(gateway.url, { capabilities: CAN });
  const call = { name: "asking", arguments: {} };
  const asked = (await modern.request("tools/call", call)).message?.result ?? {};
  const legacy = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities: CAN, respond }));
  await legacy.request("tools/call", call);
  const [key = ""] = Object.keys(asked.inputRequests as Json);
  const inputResponses = { [key]: { action: "accept", content: { name: "Ada" } } };
  const done = await modern.request("tools/call", { ...call, inputResponses, requestState: asked.requestState });
  expect(JSON.stringify(done.message?.result)).toContain("Ada");
});
