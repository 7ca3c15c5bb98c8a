import { describe, expect, test } from "vitest";
import type { Responder } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { sseAgent, stdioAgent } from "../fixtures/agents/lines.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { object, tool } from "../fixtures/upstream/content.ts";
import { asObject, type Json, RpcError, type RpcMessage, text } from "../fixtures/upstream/contract.ts";
import { QUESTIONS } from "../fixtures/upstream/converse-tool.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const ROOTS_CHANGED = "notifications/roots/list_changed";
const ELICITED = "notifications/elicitation/complete";
const CAN = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };

/** A tool that asks its client all of this at once, and tells what it heard, errors too. */
const BRAVE = tool("brave", "Takes no for an answer", object(), async ({ kinds }, context) => {
  const ask = (kind: string): Promise<Json> => {
    const question = QUESTIONS[kind as "form"].ask(kind);
    const params = { ...asObject(question.params), ...(kind === "url" && { elicitationId: "e-1" }) };
    return context.ask({ ...question, params });
  };
  const heard = await Promise.all(
    (kinds as string[]).map(kind =>
      ask(kind).catch((error: RpcError) => ({ code: error.code, message: error.message })),
    ),
  );
  if ((kinds as string[]).includes("url")) context.notify(ELICITED, { elicitationId: "e-1" });
  return text(JSON.stringify(heard));
});

async function behind(...upstreams: Upstream[]) {
  for (const upstream of upstreams) upstream.tools.set("brave", BRAVE);
  const tables = upstreams.map(({ url, options: { name, transport } }) => ({ name, transport, url, group: name }));
  const gateway = keep(await startGateway({ toml: configToml(tables) }));
  await gateway.until();
  return gateway;
}
const legacy = async (name = "old", more: object = {}): Promise<Upstream> =>
  keep(await startUpstream({ era: "legacy", name, scheme: name, ...more }));
const brave = (...kinds: string[]) => ({ name: "old:brave", arguments: { kinds } });
const heardBy = ({ message }: { message: RpcMessage | undefined }): unknown =>
  JSON.parse((message?.result?.content as { text: string }[])?.[0]?.text ?? "null");

describe("an agent's error for an answer", () => {
  const person: Responder = ({ method }) =>
    method === "sampling/createMessage"
      ? new RpcError(-1, "User rejected sampling request")
      : { action: "accept", content: { value: "yes" } };

  test.each(["2025-11-25", "2025-06-18", "2024-11-05"])(
    "reaches an upstream that waits, beside the answers to its other questions (agent of %s)",
    async version => {
      const upstream = await legacy();
      const gateway = await behind(upstream);
      const options = { capabilities: CAN, respond: person };
      const agent =
        version < "2025"
          ? keep(await sseAgent(`${gateway.base}/sse`, options))
          : keep(await legacyAgent(gateway.url, version, options));
      expect(heardBy(await agent.request("tools/call", brave("sampling", "form")))).toEqual([
        { code: -1, message: "User rejected sampling request" },
        { action: "accept", content: { value: "yes" } },
      ]);
      expect(upstream.journal.executions.filter(({ name }) => name === "brave")).toHaveLength(1);
      expect(upstream.journal.cancelled).toEqual([]);
    },
  );

  test("ends the call where the upstream would have to be called again with it", async () => {
    const upstream = keep(await startUpstream({ era: "modern" }));
    const gateway = await behind(upstream);
    const agent = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities: CAN, respond: person }));
    const params = { name: "converse", arguments: { nonce: "n", rounds: [["sampling"]] } };
    const { message } = await agent.request("tools/call", params);
    expect(message?.error).toEqual({ code: -1, message: "User rejected sampling request" });
    expect(upstream.journal.executions.filter(({ name }) => name === "converse")).toHaveLength(1);
  });
});

describe("an agent whose roots have changed", () => {
  const told = (upstream: Upstream) =>
    upstream.journal.sent(ROOTS_CHANGED).map(({ headers }) => headers["mcp-session-id"]);

  test("says so to the upstreams that hold a conversation for it, and for nobody else", async () => {
    const [one, two, modern] = [await legacy("one"), await legacy("two"), keep(await startUpstream({ era: "modern" }))];
    const gateway = await behind(one, two, modern);
    const connect = (name: string) => legacyAgent(gateway.url, "2025-11-25", { capabilities: CAN, name });
    const [alice, bob] = [keep(await connect("alice")), keep(await connect("bob"))];
    for (const agent of [alice, bob]) await agent.request("tools/call", { name: "one:echo", arguments: { text: "x" } });
    const opened = one.journal.sent("initialize").map(({ message }) => asObject(message?.params?.capabilities).roots);
    expect(opened).toEqual([undefined, { listChanged: true }, { listChanged: true }]);
    expect(await alice.notify(ROOTS_CHANGED)).toBe(202);
    await one.journal.until(() => told(one).length > 0);
    expect(await bob.notify(ROOTS_CHANGED)).toBe(202);
    await one.journal.until(() => told(one).length > 1);
    expect(new Set(told(one)).size).toBe(2);
    expect([...told(two), ...told(modern)]).toEqual([]);
  });

  test("says so over HTTP+SSE and stdio too", async () => {
    const upstream = await legacy("one");
    const gateway = await behind(upstream);
    const options = { capabilities: CAN };
    const cwd = { cwd: gateway.dir };
    const agents = [
      keep(await sseAgent(`${gateway.base}/sse`, options)),
      keep(await stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio"], { ...options, ...cwd })),
    ];
    for (const [at, agent] of agents.entries()) {
      await agent.request("tools/call", { name: "one:echo", arguments: { text: "x" } });
      await agent.notify(ROOTS_CHANGED);
      await upstream.journal.until(() => told(upstream).length > at);
    }
  });

  test("is passed over where it did not say that they may", async () => {
    const upstream = await legacy("one");
    const gateway = await behind(upstream);
    const quiet = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities: { roots: {} }, name: "quiet" }));
    const loud = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities: CAN, name: "loud" }));
    for (const agent of [quiet, loud])
      await agent.request("tools/call", { name: "one:echo", arguments: { text: "x" } });
    await quiet.notify(ROOTS_CHANGED);
    await loud.notify(ROOTS_CHANGED);
    await upstream.journal.until(() => told(upstream).length > 0);
    expect(told(upstream)).toHaveLength(1);
  });
});

describe("what an upstream asked the user to do elsewhere", () => {
  const isDone = ({ method }: RpcMessage): boolean => method === ELICITED;
  function user() {
    const ids: unknown[] = [];
    const respond: Responder = ({ params }) => {
      ids.push(params?.elicitationId);
      return { action: "accept" };
    };
    return { ids, respond, capabilities: CAN };
  }

  test("is told to be done to the agent that was asked, under the id that it knows", async () => {
    const [old, other] = [await legacy("old"), await legacy("other")];
    const gateway = await behind(old, other);
    const { ids, ...options } = user();
    const agent = keep(await legacyAgent(gateway.url, "2025-11-25", options));
    const bystander = keep(await legacyAgent(gateway.url, "2025-11-25", { capabilities: CAN, name: "bystander" }));
    const [{ inbox }, beside] = [await agent.listen(), await bystander.listen()];
    await agent.request("tools/call", brave("url"));
    await agent.request("tools/call", { ...brave("url"), name: "other:brave" });
    const [first, second] = ids;
    // Both upstreams call theirs "e-1".
    expect([first, second, "e-1"]).toEqual([...new Set([first, second, "e-1"])]);
    for (const elicitationId of ids) {
      const { params } = await inbox.next(
        message => isDone(message) && message.params?.elicitationId === elicitationId,
      );
      expect(params).toEqual({ elicitationId });
    }
    expect(beside.inbox.all.filter(isDone)).toEqual([]);
  });

  test("may be done long after the call, and while the agent has no stream", async () => {
    const old = await legacy();
    const gateway = await behind(old);
    const { ids, ...options } = user();
    const agent = keep(await legacyAgent(gateway.url, "2025-11-25", options));
    await agent.request("tools/call", brave("form"));
    ids.length = 0;
    await agent.request("tools/call", brave("url"));
    old.elicited("e-2");
    const { inbox } = await agent.listen();
    expect((await inbox.next(isDone)).params).toEqual({ elicitationId: ids[0] });
    expect((await inbox.next(message => isDone(message) && message.params?.elicitationId !== ids[0])).params).toEqual({
      elicitationId: expect.stringMatching(/^[\w-]{22}$/),
    });
  });

  test("has no id, and no end, for an agent whose revision does not know either", async () => {
    const gateway = await behind(await legacy());
    const old = keep(await legacyAgent(gateway.url, "2025-06-18", user()));
    const hearing = await old.listen();
    expect(heardBy(await old.request("tools/call", brave("url")))).toEqual([{ action: "decline" }]);
    const { capabilities } = user();
    const modern = modernAgent(gateway.url, { capabilities });
    const { message } = await modern.request("tools/call", brave("url"));
    const [[key, question] = ["", {}]] = Object.entries(asObject(message?.result?.inputRequests));
    expect(asObject(asObject(question).params)).toEqual({
      mode: "url",
      message: "url",
      url: "https://example.test/url",
    });
    const requestState = message?.result?.requestState;
    const inputResponses = { [key]: { action: "accept" } };
    const answered = await modern.request("tools/call", { ...brave("url"), requestState, inputResponses });
    expect(heardBy(answered)).toEqual([{ action: "accept" }]);
    expect([...answered.before, ...hearing.inbox.all].filter(isDone)).toEqual([]);
  });
});
