import { describe, expect, test } from "vitest";
import type { Agent, Responder } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { sseAgent, stdioAgent } from "../fixtures/agents/lines.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json, RpcMessage } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

interface Options {
  readonly capabilities: Json;
  readonly respond: Responder;
}

const AGENTS: Readonly<Record<string, (gateway: GatewayRun, options: Options) => Promise<Agent>>> = {
  "2025-11-25": ({ url }, options) => legacyAgent(url, "2025-11-25", options),
  "2025-06-18": ({ url }, options) => legacyAgent(url, "2025-06-18", options),
  "2024-11-05 over HTTP+SSE": ({ base }, options) => sseAgent(`${base}/sse`, options),
  "2025-11-25 over stdio": ({ dir }, options) =>
    stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio"], { ...options, cwd: dir }),
};

/** Answers everything with what it was asked, and remembers it. */
function person() {
  const asked: RpcMessage[] = [];
  const respond: Responder = request => {
    asked.push(request);
    if (request.method === "elicitation/create") {
      return { action: "accept", content: { value: String(request.params?.message) } };
    }
    if (request.method === "roots/list") return { roots: [{ uri: "file:///work" }] };
    return { role: "assistant", model: "m", content: { type: "text", text: "said" } };
  };
  return { asked, respond, capabilities: CAPABILITIES };
}

async function behind(options: object): Promise<{ gateway: GatewayRun; upstream: Upstream }> {
  const upstream = keep(await startUpstream(options));
  const table = { name: "fixture", transport: upstream.options.transport, url: upstream.url };
  const gateway = keep(await startGateway({ toml: configToml([table]) }));
  await gateway.until();
  return { gateway, upstream };
}

const answersOf = ({ message }: { message: RpcMessage | undefined }): Json => {
  const [block] = (message?.result?.content ?? []) as { text: string }[];
  return (JSON.parse(block?.text ?? "{}") as { answers: Json }).answers;
};

describe.each(["modern", "legacy"] as const)("an upstream (%s) that asks back", era => {
  test.each(Object.keys(AGENTS))("gets its answers from an agent of %s, and runs once", async name => {
    const { gateway, upstream } = await behind({ era });
    const { asked, ...options } = person();
    const agent = keep(await (AGENTS[name] as (typeof AGENTS)[string])(gateway, options));
    const rounds = [["form", "sampling", "roots"], ["form"]];
    const answered = await agent.request("tools/call", { name: "converse", arguments: { nonce: "n", rounds } });
    expect(answersOf(answered)).toEqual({
      r0q0: { action: "accept", content: { value: "n/r0q0" } },
      r0q1: { role: "assistant", model: "m", content: { type: "text", text: "said" } },
      r0q2: { roots: [{ uri: "file:///work" }] },
      r1q0: { action: "accept", content: { value: "n/r1q0" } },
    });
    expect(asked.map(({ method }) => method).sort()).toEqual([
      "elicitation/create",
      "elicitation/create",
      "roots/list",
      "sampling/createMessage",
    ]);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(4);
    expect(upstream.journal.executions.filter(({ name }) => name === "converse")).toHaveLength(
      era === "legacy" ? 1 : rounds.length + 1,
    );
  });

  test("does not get another agent's answers", async () => {
    const { gateway } = await behind({ era });
    const names = ["a", "b", "c", "d", "e"];
    const answers = await Promise.all(
      names.map(async name => {
        const agent = keep(await legacyAgent(gateway.url, "2025-11-25", { ...person(), name }));
        return agent.request("tools/call", {
          name: "converse",
          arguments: { nonce: name, rounds: [["form"], ["form"]] },
        });
      }),
    );
    for (const [at, name] of names.entries()) {
      expect(answersOf(answers[at] as (typeof answers)[number])).toMatchObject({
        r0q0: { content: { value: `${name}/r0q0` } },
        r1q0: { content: { value: `${name}/r1q0` } },
      });
    }
  });

  test("learns that the agent has cancelled while it was asked", async () => {
    const { gateway, upstream } = await behind({ era });
    let agent: Awaited<ReturnType<typeof legacyAgent>> | undefined;
    const options = {
      capabilities: CAPABILITIES,
      // Request 1 was the handshake.
      respond: () => void agent?.notify("notifications/cancelled", { requestId: 2 }),
    };
    agent = keep(await legacyAgent(gateway.url, "2025-11-25", options));
    const params = { name: "converse", arguments: { nonce: "n", rounds: [["form"]] } };
    expect((await agent.request("tools/call", params)).message).toBeUndefined();
    if (era === "legacy") await upstream.journal.until(({ cancelled }) => cancelled.length > 0);
    expect(upstream.journal.executions.filter(({ name }) => name === "converse")).toHaveLength(1);
  });
});

describe("an agent that cannot be asked", () => {
  test("is told what it lacks in the result of a tool", async () => {
    const { gateway } = await behind({ era: "modern" });
    const agent = keep(await legacyAgent(gateway.url, "2025-11-25"));
    const params = { name: "converse", arguments: { nonce: "n", rounds: [["sampling"]] } };
    const { message } = await agent.request("tools/call", params);
    expect(message?.result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("sampling") }] });
  });

  test("and is too old for a URL declines it", async () => {
    const { gateway } = await behind({ era: "modern" });
    const { asked, ...options } = person();
    const agent = keep(await legacyAgent(gateway.url, "2025-06-18", options));
    const params = { name: "converse", arguments: { nonce: "n", rounds: [["url"]] } };
    expect(answersOf(await agent.request("tools/call", params))).toEqual({ r0q0: { action: "decline" } });
    expect(asked).toEqual([]);
  });

  test("that says no with an error ends its call with that error", async () => {
    const { gateway } = await behind({ era: "modern" });
    const agent = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities: CAPABILITIES }));
    const params = { name: "converse", arguments: { nonce: "n", rounds: [["form"]] } };
    const { message } = await agent.request("tools/call", params);
    expect(message?.error).toEqual({ code: -32601, message: "Method not found" });
  });
});

describe("an agent whose answer is no message", () => {
  const GARBLED: readonly unknown[] = [5, [], "x"];
  test.each(Object.keys(AGENTS))("ends its call at once (%s), whoever asked", async name => {
    for (const era of ["modern", "legacy"]) {
      const { gateway } = await behind({ era });
      const answers = [...GARBLED];
      const respond: Responder = () => answers.shift() as Json;
      const agent = keep((await AGENTS[name]?.(gateway, { capabilities: CAPABILITIES, respond })) as Agent);
      for (const [at] of GARBLED.entries()) {
        const call = { name: "converse", arguments: { nonce: `n${at}`, rounds: [["roots"]] } };
        const { message } = await agent.request("tools/call", call);
        expect(JSON.stringify(message?.result ?? message?.error)).toContain("no valid answer");
      }
    }
  });
});

describe("an upstream that asks what is no question", () => {
  const ASKS: readonly (readonly [string, object])[] = [
    ["neither asks nor gives a state", {}],
    ["asks in an array", { inputRequests: [{ method: "roots/list" }], requestState: "s" }],
    ["asks without a method", { inputRequests: { a: { params: {} } }, requestState: "s" }],
    ["gives a state that is no text", { inputRequests: { a: { method: "roots/list" } }, requestState: 7 }],
  ];
  test.each(ASKS)("(%s) ends the call of every agent at once, and nobody is asked", async (_what, rest) => {
    const { gateway, upstream } = await behind({ era: "modern" });
    upstream.when({ method: "tools/call" }, { do: "result", result: { resultType: "input_required", ...rest } });
    let asked = 0;
    const respond: Responder = () => {
      asked++;
      return {};
    };
    const capabilities = { roots: {}, elicitation: {} };
    const session = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities, respond }));
    for (const agent of [session, modernAgent(gateway.url, { capabilities })]) {
      const { message } = await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 1 } });
      expect(message?.error).toMatchObject({
        code: -31007,
        data: { gateway: { delivery: "answered", retryable: false } },
      });
    }
    expect(asked).toBe(0);
    expect(upstream.journal.sent("tools/call")).toHaveLength(2);
  });
});
