import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { readResource } from "../fixtures/upstream/content.ts";
import { asObject, type Json, RpcError, type RpcMessage } from "../fixtures/upstream/contract.ts";
import type { Eras } from "../fixtures/upstream/state.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const ERAS = ["legacy", "modern"] as const;
const PAIRS = ERAS.flatMap(agent => ERAS.map(upstream => ({ agent, upstream })));
const UPDATED = "notifications/resources/updated";
const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";

const link = (uri: string): Json => ({ type: "resource_link", uri, name: "a link" });
const embedded = (uri: string): Json => ({ type: "resource", resource: { uri, text: "held" } });

/** Serves any URI, says who did, and has a tool that answers with what it is told to. */
function prepare(upstream: Upstream, name: string): void {
  const { scheme } = upstream.options;
  const definition = { name: "refer", inputSchema: { type: "object" } };
  upstream.tools.set("refer", { definition, run: ({ content }) => ({ content }) });
  upstream.prompts.set("refer", {
    definition: { name: "refer" },
    run: () => ({ messages: [{ role: "user", content: link("any://of-a-prompt") }] }),
  });
  upstream.methods.set("resources/read", ({ params }) => {
    const uri = String(params.uri);
    if (uri === "any://missing") throw new RpcError(-32602, "Resource not found", { data: { uri } });
    const parts = uri === "any://folder" ? [{ uri: `${uri}/part`, text: "" }] : [];
    return readResource(uri, scheme) ?? { contents: [{ uri, text: `from ${name}` }, ...parts] };
  });
}

async function behind(...eras: readonly Eras[]) {
  const upstreams: Upstream[] = [];
  const tables: Json[] = [];
  for (const [at, era] of eras.entries()) {
    const name = `up${at + 1}`;
    const upstream = keep(await startUpstream({ era, scheme: name, tools: ["add"] }));
    prepare(upstream, name);
    upstreams.push(upstream);
    tables.push({ name, transport: "http", url: upstream.url, group: name });
  }
  const security = { rate_limit_per_minute: 0 };
  const gateway = keep(await startGateway({ toml: configToml(tables, { security }) }));
  await gateway.until();
  return { gateway, upstreams, tables, security };
}

const agentOf = async (era: (typeof ERAS)[number], url: string, name?: string) =>
  era === "legacy"
    ? keep(await legacyAgent(url, "2025-11-25", name === undefined ? {} : { name }))
    : modernAgent(url, name === undefined ? {} : { name });
type AnyAgent = Awaited<ReturnType<typeof agentOf>>;

const refer = (agent: AnyAgent, upstream: string, ...content: readonly Json[]): Promise<Answered> =>
  agent.request("tools/call", { name: `${upstream}__refer`, arguments: { content } });

/** Who answered, or the code of the error. */
async function read(agent: AnyAgent, uri: string): Promise<unknown> {
  const { message } = await agent.request("resources/read", { uri });
  const [first] = (message?.result?.contents ?? []) as Json[];
  return message?.error?.code ?? first?.text;
}

describe.each(PAIRS)("a URI that only a result names, for a $agent agent of a $upstream upstream", eras => {
  test("is unknown before, and is read from who named it afterwards, whatever named it", async () => {
    const { gateway } = await behind(eras.upstream, eras.upstream);
    const agent = await agentOf(eras.agent, gateway.url);
    const uris = ["any://link", "any://embedded", "any://of-a-prompt", "any://folder", "any://folder/part"];
    for (const uri of uris) expect(await read(agent, uri)).toBe(-32602);
    await refer(agent, "up2", link("any://link"), embedded("any://embedded"), link("any://folder"));
    await agent.request("prompts/get", { name: "up2__refer" });
    for (const uri of uris) expect(await read(agent, uri), uri).toBe("from up2");
    await refer(agent, "up1", link("any://missing"));
    const missing = await agent.request("resources/read", { uri: "any://missing" });
    expect(missing.message?.error).toMatchObject({ code: -32602, data: { uri: "any://missing" } });
  });

  test("can be watched", async () => {
    const { gateway, upstreams } = await behind(eras.upstream, eras.upstream);
    const agent = await agentOf(eras.agent, gateway.url);
    await refer(agent, "up2", link("any://watched"));
    const watched = await watch(agent, ["any://watched", "any://nobody"]);
    expect(watched.honoured).toEqual(["any://watched"]);
    const fits = ({ method, params }: RpcMessage): boolean => method === UPDATED && params?.uri === "any://watched";
    upstreams[1]?.updated("any://watched");
    await watched.inbox.next(fits);
    watched.close();
  });

  test("is nobody else's to read", async () => {
    const { gateway } = await behind(eras.upstream);
    const [ann, bob] = [await agentOf(eras.agent, gateway.url, "ann"), await agentOf(eras.agent, gateway.url, "bob")];
    await ann.request("tools/call", { name: "refer", arguments: { content: [link("any://ann")] } });
    expect([await read(ann, "any://ann"), await read(bob, "any://ann")]).toEqual(["from up1", -32602]);
    expect((await watch(bob, ["any://ann"])).honoured).toEqual([]);
  });
});

async function watch(agent: AnyAgent, uris: readonly string[]) {
  if (!("session" in agent)) {
    const { inbox, close } = await agent.listen({ resourceSubscriptions: uris });
    const { params } = await inbox.next(({ method }) => method === ACKNOWLEDGED);
    return { inbox, close, honoured: asObject(params?.notifications).resourceSubscriptions ?? [] };
  }
  const { inbox, close } = await agent.listen();
  const honoured: string[] = [];
  for (const uri of uris) {
    const { message } = await agent.request("resources/subscribe", { uri });
    if (message?.result) honoured.push(uri);
  }
  return { inbox, close, honoured };
}

describe("an upstream that names what is not its own", () => {
  test("gains nothing: not what another lists or fits a template of, nor what a better one has named", async () => {
    const { gateway, upstreams } = await behind("modern", "modern");
    const agent = modernAgent(gateway.url);
    const theirs = ["up1://static-text", "up1://template/7/data", "up1:up1://static-text"];
    await refer(agent, "up2", ...theirs.map(link), link("any://shared"));
    for (const uri of theirs) expect(await read(agent, uri), uri).not.toBe("from up2");
    expect(await read(agent, "any://shared")).toBe("from up2");
    await refer(agent, "up1", link("any://shared"));
    await refer(agent, "up2", link("any://shared"));
    expect(await read(agent, "any://shared")).toBe("from up1");
    expect(await read(agent, "up2:any://shared")).toBe("from up2");
    expect(upstreams[1]?.journal.sent("resources/read")).toHaveLength(2);
  });

  test("gains nothing by a template or a list that what a better one has named fits", async () => {
    const { gateway, upstreams } = await behind("modern", "modern");
    const agent = modernAgent(gateway.url);
    const [, late] = upstreams;
    await refer(agent, "up1", link("any://receipt/1"), link("any://receipt/2"), link("up1://receipt"));
    late?.methods.set("resources/list", () => ({ resources: [{ uri: "any://receipt/2", name: "two" }] }));
    late?.methods.set("resources/templates/list", () => ({
      resourceTemplates: [
        { uriTemplate: "{+any}", name: "all" },
        { uriTemplate: "any://receipt/{x}", name: "some" },
      ],
    }));
    late?.announce("resources");
    await gateway.until(({ catalog }) => catalog.templates === 3);
    for (const uri of ["any://receipt/1", "any://receipt/2", "up1://receipt"]) {
      expect(await read(agent, uri), uri).toBe("from up1");
    }
    const watched = await watch(agent, ["any://receipt/1"]);
    const fits = ({ method }: RpcMessage): boolean => method === UPDATED;
    upstreams[0]?.updated("any://receipt/1");
    expect((await watched.inbox.next(fits)).params?.uri).toBe("any://receipt/1");
    watched.close();
    expect(late?.journal.sent("resources/read")).toEqual([]);
    // What was not named, or was asked for at a certain one, is where it was.
    expect(await read(agent, "any://receipt/3")).toBe("from up2");
    expect(await read(agent, "up2:any://receipt/1")).toBe("from up2");
    await refer(agent, "up1", link("up2:any://receipt/3"), link("up2://static-text"));
    expect(await read(agent, "up2://static-text")).not.toBe("from up1");
    expect(await read(agent, "up2:any://receipt/3")).toBe("from up2");
  });

  test("gains nothing with 100,000 of them: others keep theirs", async () => {
    const { gateway } = await behind("modern", "legacy");
    const agent = modernAgent(gateway.url);
    await refer(agent, "up1", link("any://mine"));
    for (let from = 0; from < 100_000; from += 10_000) {
      const content = Array.from({ length: 10_000 }, (_, at) => link(`any://${from + at}`));
      expect((await refer(agent, "up2", ...content)).message?.result?.content).toHaveLength(10_000);
    }
    expect(await read(agent, "any://mine")).toBe("from up1");
    expect([await read(agent, "any://0"), await read(agent, "any://99999")]).toEqual([-32602, -32602]);
    expect(await read(agent, "any://90000")).toBe("from up2");
  });

  test("is not asked when it serves no resources", async () => {
    const { gateway, upstreams, tables, security } = await behind("modern");
    const [upstream] = upstreams;
    if (upstream) upstream.extraCapabilities = { resources: undefined };
    const again = keep(await startGateway({ toml: configToml(tables, { security }) }));
    await again.until();
    for (const [run, answer] of [
      [gateway, "from up1"],
      [again, -32602],
    ] as const) {
      const agent = modernAgent(run.url);
      await agent.request("tools/call", { name: "refer", arguments: { content: [link("any://1")] } });
      expect(await read(agent, "any://1")).toBe(answer);
    }
  });
});

test("what an upstream named is forgotten when it is no longer configured", async () => {
  const { gateway, tables, security } = await behind("modern", "modern");
  const agent = modernAgent(gateway.url);
  await refer(agent, "up2", link("any://1"));
  expect(await read(agent, "any://1")).toBe("from up2");
  const configure = async (...configured: readonly (Json | undefined)[]) => {
    const upstreams = configured.filter(table => table !== undefined);
    writeFileSync(gateway.configPath, configToml(upstreams, { security }));
    await gateway.rad("mcp", "proxy", "reload");
    await gateway.until(status => status.upstreams.length === upstreams.length);
  };
  await configure(tables[0]);
  expect(await read(agent, "any://1")).toBe(-32602);
  await configure(...tables);
  await gateway.until();
  expect(await read(agent, "any://1")).toBe(-32602);
});
