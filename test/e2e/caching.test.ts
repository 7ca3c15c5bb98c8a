import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

async function behind(...plans: (StartOptions & { caching?: Json })[]) {
  const upstreams: Upstream[] = [];
  for (const { caching, ...options } of plans) {
    const upstream = keep(await startUpstream(options));
    if (caching) upstream.caching = () => caching;
    upstreams.push(upstream);
  }
  const configs = upstreams.map(({ url }, at) => ({
    name: `up${at + 1}`,
    transport: "http",
    url,
    health_check_interval: 1,
  }));
  const gateway = keep(await startGateway({ toml: configToml(configs) }));
  await gateway.until();
  return { gateway, upstreams };
}

const PUBLIC = { ttlMs: 300_000, cacheScope: "public" };
const LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] as const;

async function hints(url: string, method: string): Promise<Json> {
  const { message } = await modernAgent(url).request(method);
  const { ttlMs, cacheScope } = message?.result ?? {};
  return { ttlMs, cacheScope };
}

describe("a list that has been kept for as long as it may be", () => {
  const names = async (url: string): Promise<unknown[]> =>
    (((await modernAgent(url).request("tools/list")).message?.result?.tools ?? []) as Json[]).map(({ name }) => name);

  test("is given out once more and read again meanwhile, once for all who ask", async () => {
    const { gateway, upstreams } = await behind({ era: "modern", caching: { ttlMs: 1_500, cacheScope: "private" } });
    const [upstream] = upstreams as [Upstream];
    const reads = () => upstream.journal.sent("tools/list").length;
    const before = reads();
    upstream.tools.set("silent", { definition: { name: "silent", inputSchema: { type: "object" } }, run: () => ({}) });
    const listening = await modernAgent(gateway.url).listen({ toolsListChanged: true });
    const heard = listening.inbox.next(({ method }) => method === "notifications/tools/list_changed");
    expect(await poll(async () => (await names(gateway.url)).includes("silent"))).toBe(true);
    // Everybody asked all the time; on a busy machine the time may be over once more.
    expect(reads() - before).toBeLessThanOrEqual(2);
    expect(await names(gateway.of("up1"))).toContain("silent");
    await heard;
    listening.close();
  });

  test("does not wait for an upstream that is slow to say it again", async () => {
    const { gateway, upstreams } = await behind({ era: "modern", caching: { ttlMs: 1, cacheScope: "private" } });
    const [upstream] = upstreams as [Upstream];
    const before = upstream.journal.sent("tools/list").length;
    upstream.when({ method: "tools/list" }, { do: "hang" });
    const asked = () => upstream.journal.sent("tools/list").length > before;
    expect(await poll(async () => (await names(gateway.url)).includes("add") && asked())).toBe(true);
    expect(await names(gateway.url)).toContain("add");
  });
});

describe("how long a list may be kept", () => {
  test.each(LISTS)("%s: as its upstream says, alone and merged", async method => {
    const { gateway } = await behind({ era: "modern", caching: PUBLIC });
    expect(await hints(gateway.of("up1"), method)).toEqual(PUBLIC);
    expect(await hints(gateway.url, method)).toEqual(PUBLIC);
  });

  test("is the shortest time of all, and public only if all are", async () => {
    const { gateway } = await behind(
      { era: "modern", caching: PUBLIC },
      { era: "modern", scheme: "other", caching: { ttlMs: 5_000, cacheScope: "public" } },
    );
    expect(await hints(gateway.url, "tools/list")).toEqual({ ttlMs: 5_000, cacheScope: "public" });
    const mixed = await behind({ era: "modern", caching: PUBLIC }, { era: "legacy", scheme: "other" });
    expect(await hints(mixed.gateway.url, "tools/list")).toEqual({ ttlMs: 60_000, cacheScope: "private" });
    expect(await hints(mixed.gateway.of("up2"), "tools/list")).toEqual({ ttlMs: 60_000, cacheScope: "private" });
  });

  test("is no time at all while an upstream that says nothing cannot be heard", async () => {
    const { gateway, upstreams } = await behind({ era: "legacy" });
    await upstreams[0]?.down();
    await gateway.until(({ upstreams }) => upstreams[0]?.state !== "ready");
    expect(await hints(gateway.url, "tools/list")).toEqual({ ttlMs: 0, cacheScope: "private" });
  });

  test("what a server says of itself may be kept too", async () => {
    const { gateway } = await behind({ era: "modern", caching: PUBLIC });
    expect(await hints(gateway.of("up1"), "server/discover")).toEqual(PUBLIC);
    expect(await hints(gateway.url, "server/discover")).toEqual({ ttlMs: 60_000, cacheScope: "public" });
  });

  test("is not told to agents that do not know it", async () => {
    const { gateway } = await behind({ era: "modern", caching: PUBLIC });
    const agent = await legacyAgent(gateway.url);
    const { message } = await agent.request("tools/list");
    expect(Object.keys(message?.result ?? {})).toEqual(["tools"]);
    await agent.close();
  });
});

describe("what is read", () => {
  const URI = "test://static-text";

  /** An upstream that counts how often it is read, and says so in what is read. */
  async function counting(caching: Json): Promise<{ gateway: GatewayRun; upstream: Upstream; reads: () => number }> {
    let reads = 0;
    const { gateway, upstreams } = await behind({ era: "modern" });
    const [upstream] = upstreams as [Upstream];
    upstream.methods.set("resources/read", ({ params }) => {
      reads++;
      return { contents: [{ uri: params.uri, text: `read ${reads}` }], ...caching };
    });
    upstream.caching = () => ({});
    return { gateway, upstream, reads: () => reads };
  }
  const read = async (url: string, name: string): Promise<Json> =>
    (await modernAgent(url, { name }).request("resources/read", { uri: URI })).message?.result ?? {};

  test("for everybody is read once, by agents of every revision and in every view", async () => {
    const { gateway, reads } = await counting(PUBLIC);
    const first = await read(gateway.url, "ann");
    const second = await read(gateway.of("up1"), "bob");
    expect(second.contents).toEqual(first.contents);
    expect(second.ttlMs).toBeLessThanOrEqual(300_000);
    const old = await legacyAgent(gateway.url);
    const { message } = await old.request("resources/read", { uri: URI });
    expect(message?.result).toEqual({ contents: first.contents, _meta: first._meta });
    await old.close();
    expect(reads()).toBe(1);
    const hits = () => gateway.logLines().filter(line => line.method === "resources/read" && line.attempts === 0);
    await poll(() => hits().length === 2);
    expect(hits().map(({ upstream }) => upstream)).toEqual(["up1", "up1"]);
  });

  test("at the same time is read once, as soon as it is known to be for everybody", async () => {
    const { gateway, upstream, reads } = await counting({ ttlMs: 1, cacheScope: "public" });
    await read(gateway.url, "ann");
    upstream.when({ method: "resources/read" }, { do: "delay", ms: 300 });
    const names = Array.from({ length: 20 }, (_, at) => `agent-${at}`);
    const all = await Promise.all(names.map(name => read(gateway.url, name)));
    expect(new Set(all.map(result => JSON.stringify(result.contents))).size).toBe(1);
    expect(reads()).toBe(2);
  });

  test("is read anew once the upstream says that its resources changed", async () => {
    const { gateway, upstream } = await counting(PUBLIC);
    const before = await read(gateway.url, "ann");
    upstream.announce("resources");
    expect(
      await poll(
        async () => JSON.stringify((await read(gateway.url, "ann")).contents) !== JSON.stringify(before.contents),
      ),
    ).toBe(true);
  });

  test.each([
    ["private", { ttlMs: 300_000, cacheScope: "private" }],
    ["stale at once", { ttlMs: 0, cacheScope: "public" }],
  ])("and is %s is read for each who asks", async (_, caching) => {
    const { gateway, reads } = await counting(caching);
    const [ann, bob] = [await read(gateway.url, "ann"), await read(gateway.url, "bob")];
    expect(ann.contents).not.toEqual(bob.contents);
    expect(bob).toMatchObject(caching);
    expect(reads()).toBe(2);
  });
});
