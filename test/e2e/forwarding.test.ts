import { describe, expect, test } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { asObject, type Json, RawResult, RpcError, type RpcRequest, text } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

async function behind(plans: readonly StartOptions[], prepare: (upstream: Upstream, at: number) => void = () => {}) {
  const upstreams: Upstream[] = [];
  for (const [at, plan] of plans.entries()) {
    const upstream = keep(await startUpstream({ scheme: `up${at + 1}`, ...plan }));
    prepare(upstream, at);
    upstreams.push(upstream);
  }
  const configs = upstreams.map(({ url }, at) => ({ name: `up${at + 1}`, transport: "http", url }));
  const gateway = keep(await startGateway({ toml: configToml(configs) }));
  await gateway.until();
  return { gateway, upstreams };
}

const errorOf = ({ message }: Answered): Json | undefined => message?.error as unknown as Json | undefined;

/** Speaks the method, and keeps what it was asked. */
function speaks(upstream: Upstream, method: string, extension?: string): RpcRequest[] {
  const asked: RpcRequest[] = [];
  upstream.methods.set(method, request => {
    asked.push(request);
    return new RawResult('{"answer":12345678901234567890,"odd":{"b":1.0,"a":null}}');
  });
  if (extension) upstream.extraCapabilities = { extensions: { [extension]: { level: 2 } } };
  return asked;
}

describe("a method that the protocol does not know", () => {
  const METHOD = "com.example/search/run";
  const RAW = '{"q":98765432109876543210,"z":1,"a":[1.50]}';

  test.each(["legacy", "modern"] as const)(
    "reaches a %s upstream in its own view, and its bytes come back",
    async era => {
      let asked: RpcRequest[] = [];
      const { gateway } = await behind([{ era }], upstream => {
        asked = speaks(upstream, METHOD);
      });
      const modern = await modernAgent(gateway.of("up1")).request(METHOD, {}, { rawParams: RAW });
      expect(modern.status).toBe(200);
      expect(modern.resultText).toContain('"answer":12345678901234567890,"odd":{"b":1.0,"a":null}');
      expect(modern.message?.result?.resultType).toBe("complete");
      const session = await legacyAgent(gateway.of("up1"));
      const legacy = await session.request(METHOD, {}, { rawParams: RAW });
      expect(legacy.resultText).toContain('"answer":12345678901234567890,"odd":{"b":1.0,"a":null}');
      expect(legacy.message?.result).not.toHaveProperty("resultType");
      await session.close();
      expect(asked.map(({ method }) => method)).toEqual([METHOD, METHOD]);
      expect(asked.every(({ params }) => params.z === 1)).toBe(true);
      await poll(() => gateway.logLines().some(line => line.method === METHOD && line.upstream === "up1"));
    },
  );

  test("is the upstream's to refuse, with its own error", async () => {
    const { gateway } = await behind([{ era: "modern" }], upstream => {
      upstream.methods.set(METHOD, () => {
        throw new RpcError(-32050, "not today", { data: { why: 1 } });
      });
    });
    const agent = modernAgent(gateway.of("up1"));
    expect(errorOf(await agent.request(METHOD))).toEqual({ code: -32050, message: "not today", data: { why: 1 } });
    const unknown = await agent.request("com.example/other");
    expect([unknown.status, errorOf(unknown)?.code]).toEqual([404, -32601]);
  });

  test("is sent once, whatever becomes of it", async () => {
    let asked: RpcRequest[] = [];
    const { gateway } = await behind([{ era: "modern" }], upstream => {
      asked = speaks(upstream, METHOD);
      upstream.when({ method: METHOD }, { do: "reset" });
    });
    expect(errorOf(await modernAgent(gateway.of("up1")).request(METHOD))?.code).toBe(-31003);
    expect(asked).toHaveLength(1);
  });

  test("goes to the one upstream that declares its extension, in the view of all", async () => {
    let asked: RpcRequest[] = [];
    const { gateway } = await behind([{ era: "modern" }, { era: "legacy" }], (upstream, at) => {
      if (at === 1) asked = speaks(upstream, METHOD, "com.example/search");
    });
    const agent = modernAgent(gateway.url, { capabilities: { extensions: { "com.example/search": {} } } });
    const { message } = await agent.request("server/discover");
    expect(asObject(message?.result?.capabilities).extensions).toEqual({ "com.example/search": { level: 2 } });
    expect((await agent.request(METHOD)).message?.result).toHaveProperty("answer");
    expect(asked).toHaveLength(1);
    expect((await agent.request("com.example/nothing")).status).toBe(404);
  });

  test("goes nowhere when two upstreams could answer it, and neither is promised", async () => {
    const asked: RpcRequest[][] = [];
    const { gateway } = await behind([{ era: "modern" }, { era: "modern" }], upstream => {
      asked.push(speaks(upstream, METHOD, "com.example/search"));
    });
    const agent = modernAgent(gateway.url);
    const answer = await agent.request(METHOD);
    expect([answer.status, errorOf(answer)?.code]).toEqual([404, -32601]);
    const { message } = await agent.request("server/discover");
    expect(message?.result?.capabilities).not.toHaveProperty("extensions");
    expect((await modernAgent(gateway.of("up2")).request(METHOD)).message?.result).toHaveProperty("answer");
    expect(asked.map(each => each.length)).toEqual([0, 1]);
  });

  test.each(["initialize", "ping", "logging/setLevel", "tasks/list", "notifications/message"])(
    "is not %s: that goes to no upstream",
    async method => {
      let asked: RpcRequest[] = [];
      const { gateway } = await behind([{ era: "modern" }], upstream => {
        asked = speaks(upstream, method);
      });
      const answer = await modernAgent(gateway.of("up1")).request(method, { level: "info" });
      expect([answer.status, errorOf(answer)?.code]).toEqual([404, -32601]);
      expect(asked).toEqual([]);
    },
  );
});

describe("what is only passed on", () => {
  test.each(["legacy", "modern"] as const)(
    "is a notification that the protocol does not know, on the stream of its call (%s)",
    async era => {
      const { gateway, upstreams } = await behind([{ era }]);
      const news = { method: "notifications/com.example/step", params: { at: 1, of: { three: [3] } } };
      const kept = { method: "notifications/subscriptions/acknowledged", params: {} };
      upstreams[0]?.when({ method: "tools/call" }, { do: "notify", messages: [kept, news] });
      const session = await legacyAgent(gateway.url, "2025-11-25", { capabilities: { roots: {} } });
      for (const agent of [modernAgent(gateway.url), session]) {
        const { before, message } = await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
        expect(before).toEqual([{ jsonrpc: "2.0", ...news }]);
        expect(message?.result).toMatchObject({ content: [{ text: "3" }] });
      }
      await session.close();
    },
  );

  test("is the trace of a call, whose id is in the log", async () => {
    let seen: unknown;
    const { gateway, upstreams } = await behind([{ era: "modern" }]);
    upstreams[0]?.methods.set("tools/call", ({ params }) => {
      seen = params._meta;
      return text("traced");
    });
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const meta = { traceparent: `00-${trace}-b7ad6b7169203331-01`, tracestate: "a=1,b=2" };
    await modernAgent(gateway.url).request("tools/call", { name: "add", arguments: {}, _meta: meta });
    expect(seen).toMatchObject(meta);
    expect(await poll(() => gateway.logLines().some(line => line.trace === trace))).toBe(true);
  });

  test("is what belongs to apps: their resources and the metadata of tools", async () => {
    const uri = "ui://weather/view.html";
    const meta = { ui: { resourceUri: uri, visibility: ["model", "app"] }, "com.example/x": { n: 1 } };
    const page = {
      uri,
      mimeType: "text/html;profile=mcp-app",
      text: "<p>hi</p>",
      _meta: { ui: { csp: { a: ["b"] } } },
    };
    const { gateway } = await behind([{ era: "legacy" }, { era: "modern", tools: ["add"] }], (upstream, at) => {
      if (at !== 1) return;
      const definition = { name: "weather", inputSchema: { type: "object" }, _meta: meta };
      upstream.tools.set("weather", { definition, run: () => text("sunny") });
      upstream.methods.set("resources/list", () => ({ resources: [{ uri, name: "view", mimeType: page.mimeType }] }));
      upstream.methods.set("resources/read", () => ({ contents: [page] }));
      upstream.extraCapabilities = { extensions: { "io.modelcontextprotocol/ui": {} } };
    });
    const session = await legacyAgent(gateway.url);
    for (const agent of [modernAgent(gateway.url), session]) {
      const { message: tools } = await agent.request("tools/list");
      const weather = (asObject(tools?.result).tools as Json[]).find(({ name }) => name === "weather");
      expect(weather?._meta).toEqual(meta);
      const { message: resources } = await agent.request("resources/list");
      expect((asObject(resources?.result).resources as Json[]).map(resource => resource.uri)).toContain(uri);
      const { message: read } = await agent.request("resources/read", { uri });
      expect(read?.result?.contents).toEqual([page]);
    }
    const opened = asObject(session.opening.message?.result?.capabilities);
    expect(opened.extensions).toEqual({ "io.modelcontextprotocol/ui": {} });
    await session.close();
  });
});

describe("an error that an agent's revision does not know", () => {
  test.each([
    [-32002, -32602],
    [-32042, -32603],
    [-32050, -32050],
  ])("%i is %i for those of today and stays for those before", async (code, today) => {
    const { gateway, upstreams } = await behind([{ era: "legacy" }]);
    const error = { code, message: "no such thing", data: { uri: "up1://static-text" } };
    upstreams[0]?.when({ method: "resources/read" }, { do: "error", error });
    const params = { uri: "up1://static-text" };
    expect(errorOf(await modernAgent(gateway.url).request("resources/read", params))).toEqual({
      ...error,
      code: today,
    });
    const session = await legacyAgent(gateway.url);
    expect(errorOf(await session.request("resources/read", params))).toEqual(error);
    await session.close();
  });
});

test("a tool with annotations for headers that nobody could follow is hidden, but native in its upstream's own view", async () => {
  const inputSchema = { type: "object", properties: { n: { type: "number", "x-mcp-header": "N" } } };
  const { gateway } = await behind([{ era: "modern", tools: ["add"] }], ({ tools }) => {
    tools.set("odd", { definition: { name: "odd", inputSchema }, run: () => text("ran") });
  });
  const list = async (url: string) => (await modernAgent(url).request("tools/list")).message?.result?.tools as Json[];
  expect((await list(gateway.url)).map(({ name }) => name)).toEqual(["add"]);
  expect((await gateway.status()).catalog.hidden).toMatchObject([{ upstream: "up1", kind: "tool", name: "odd" }]);
  expect((await list(gateway.of("up1"))).find(({ name }) => name === "odd")).toEqual({ name: "odd", inputSchema });
});

describe("what the result of a tool refers to", () => {
  const contentOf = (scheme: string): Json[] => [
    { type: "resource_link", uri: `${scheme}://static-text`, name: "Static text" },
    { type: "resource_link", uri: `${scheme}://template/7/data`, name: "Of a template" },
    { type: "resource", resource: { uri: `${scheme}://static-binary`, mimeType: "image/png", blob: "AAAA" } },
  ];
  const urisIn = ({ message }: Answered): unknown[] =>
    ((message?.result?.content ?? []) as Json[]).map(({ uri, resource }) => uri ?? asObject(resource).uri);

  test.each(["legacy", "modern"] as const)("can be read by a %s agent from who gave it, in every view", async era => {
    const { gateway } = await behind([{ era: "legacy" }, { era: "modern" }], ({ tools }, at) => {
      const definition = { name: "refer", inputSchema: { type: "object" } };
      tools.set("refer", { definition, run: () => ({ content: contentOf(`up${at + 1}`) }) });
    });
    const places = [1, 2].flatMap(at => [
      { scheme: `up${at}`, url: gateway.url, name: `up${at}__refer` },
      { scheme: `up${at}`, url: gateway.of(`up${at}`), name: "refer" },
    ]);
    for (const { scheme, url, name } of places) {
      const session = era === "legacy" ? await legacyAgent(url) : undefined;
      const agent = session ?? modernAgent(url);
      const answer = await agent.request("tools/call", { name, arguments: {} });
      expect(answer.message?.result?.content).toEqual(contentOf(scheme));
      for (const uri of urisIn(answer)) {
        const read = await agent.request("resources/read", { uri });
        expect(read.message?.result?.contents, `${uri} at ${url}`).toEqual([expect.objectContaining({ uri })]);
      }
      await session?.close();
    }
  });
});
