import { describe, expect, test } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

async function behind(upstreams: readonly Upstream[], more: Json): Promise<GatewayRun> {
  const blocks = upstreams.map(({ url }, at) => ({ name: `fixture-${at}`, transport: "http", url, ...more }));
  const toml = configToml(blocks, { security: { rate_limit_per_minute: 0 } });
  const gateway = keep(await startGateway({ toml }));
  await gateway.until();
  return gateway;
}

const call = (gateway: GatewayRun, signal?: AbortSignal): Promise<Answered> =>
  modernAgent(gateway.url).request("tools/call", { name: "add", arguments: { a: 1, b: 2 } }, signal ? { signal } : {});
const hanging = (upstream: Upstream) => upstream.when({ method: "tools/call" }, { do: "hang" });
const seen = ({ journal }: Upstream) =>
  journal.requests.filter(({ message }) => message?.method === "tools/call").length;

describe("more calls than an upstream takes", () => {
  test("run up to the limit, wait in a queue of the same length, and are refused beyond it, with nothing sent", async () => {
    const upstream = keep(await startUpstream());
    const gateway = await behind([upstream], { max_concurrency: 2 });
    hanging(upstream);
    const ends = new AbortController();
    const running = [1, 2].map(() => call(gateway, ends.signal).catch(() => {}));
    expect(await poll(() => seen(upstream) === 2)).toBe(true);
    const rest = [1, 2, 3].map(() => call(gateway));
    const refused = await Promise.race(rest);
    expect(refused.status).toBe(200);
    expect(refused.message?.error).toMatchObject({
      code: -31005,
      data: { gateway: { reason: "overloaded", retryable: true, retryAfterMs: 1_000, delivery: "not_sent" } },
    });
    expect(refused.headers["retry-after"]).toBe("1");
    expect((await gateway.status()).upstreams[0]).toMatchObject({ inFlight: 4, queued: 2 });
    expect(seen(upstream)).toBe(2);

    upstream.script.clear();
    ends.abort();
    await Promise.all(running);
    const served = (await Promise.all(rest)).filter(({ message }) => message?.result !== undefined);
    expect(served).toHaveLength(2);
    expect((await gateway.status()).upstreams[0]).toMatchObject({ state: "ready", inFlight: 0, queued: 0 });
  });

  test("that wait are sent as soon as others end, and one whose agent left is not", async () => {
    const upstream = keep(await startUpstream());
    const gateway = await behind([upstream], { max_concurrency: 2 });
    hanging(upstream);
    const ends = new AbortController();
    const running = [1, 2].map(() => call(gateway, ends.signal).catch(() => {}));
    expect(await poll(() => seen(upstream) === 2)).toBe(true);
    upstream.script.clear();
    const leaves = new AbortController();
    const left = call(gateway, leaves.signal).catch(() => "left");
    const stays = call(gateway);
    leaves.abort();
    expect(await left).toBe("left");
    ends.abort();
    expect((await stays).message?.result).toBeDefined();
    await Promise.all(running);
    expect(seen(upstream)).toBe(3);
  });

  test("go to a replica that has room", async () => {
    const replicas = [keep(await startUpstream()), keep(await startUpstream())];
    const [full, free] = replicas as [Upstream, Upstream];
    const gateway = await behind(replicas, { max_concurrency: 1, group: "both" });
    hanging(full);
    const ends = new AbortController();
    const running: Promise<unknown>[] = [];
    while (seen(full) === 0) {
      const one = call(gateway, ends.signal).catch(() => {});
      running.push(one);
      await Promise.race([one, poll(() => seen(full) > 0)]);
    }
    // Some of these begin where nothing is free.
    const before = seen(free);
    const answers: Answered[] = [];
    for (let calls = 0; calls < 4; calls++) answers.push(await call(gateway));
    for (const { message } of answers) expect(message?.result).toBeDefined();
    expect([seen(full), seen(free)]).toEqual([1, before + 4]);
    ends.abort();
    await Promise.all(running);
  });
});

const onLinux = process.platform === "linux";
test.skipIf(!onLinux)("more connections than there can be descriptors for are warned of at the start", async () => {
  const upstream = keep(await startUpstream());
  const toml = configToml([{ name: "fixture", transport: "http", url: upstream.url }], {
    max_connections: 2_000_000_000,
  });
  const gateway = keep(await startGateway({ toml }));
  const { warnings } = await gateway.until();
  expect(warnings).toEqual([
    expect.stringMatching(/^max_connections is 2000000000, but this process may only have \d+/),
  ]);
  await poll(() => gateway.output().includes("max_connections"));
  expect(gateway.output()).toContain('raise "ulimit -n"');
});
if (!onLinux) console.log("skipped: the warning about descriptors, because their limit is only known on Linux");
