import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { events, send } from "../fixtures/agents/wire.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { row } from "./lab.ts";

const keep = useCleanup();

async function behind(upstream: Json): Promise<GatewayRun> {
  const toml = configToml([{ name: "fixture", ...upstream }], { security: { rate_limit_per_minute: 0 } });
  const gateway = keep(await startGateway({ toml }));
  await gateway.until();
  return gateway;
}

const META = "io.modelcontextprotocol/";
const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {}, progressToken: 7 };

/** Calls a tool and reads nothing of what comes back. */
function call(gateway: GatewayRun, name: string, args: Json): Promise<IncomingMessage> {
  const headers = {
    ...POST_HEADERS,
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": name,
  };
  const params = { name, arguments: args, _meta };
  return send(gateway.url, {
    method: "POST",
    headers,
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
}

/** More than kernels keep between two processes that do not read. */
const STEPS = 100_000;

async function othersAreServed(gateway: GatewayRun): Promise<void> {
  for (let calls = 0; calls < 20; calls++) {
    const { message } = await modernAgent(gateway.url).request("tools/call", {
      name: "add",
      arguments: { a: 1, b: 2 },
    });
    expect(message?.result).toBeDefined();
  }
}

describe("an agent that does not read its stream", () => {
  row("F-37", "has its upstream wait, and gets everything once it reads", async () => {
    const upstream = keep(await startUpstream());
    const gateway = await behind({ transport: "http", url: upstream.url });
    const response = await call(gateway, "progress", { steps: STEPS });
    await othersAreServed(gateway);
    let told = 0;
    let last = "";
    for await (const { data } of events(response)) {
      told++;
      last = data;
    }
    expect(told).toBe(STEPS + 1);
    expect(JSON.parse(last)).toMatchObject({ id: 1, result: { content: [{ text: `${STEPS} steps` }] } });
  });

  row("F-37", "is cut off where others share the upstream's channel, and they notice nothing", async () => {
    const gateway = await behind({ transport: "stdio", ...upstreamCommand() });
    const response = await call(gateway, "progress", { steps: STEPS });
    const closed = once(response.socket, "close");
    await othersAreServed(gateway);
    // Whoever reads again finds how far it got and then the end, without an answer.
    let text = "";
    const read = (async () => {
      for await (const { data } of events(response)) text = data;
    })().catch(() => {});
    await Promise.all([closed, read]);
    expect(text).not.toContain('"result"');
    await othersAreServed(gateway);
  });
});

test("an agent that reads gets an answer of any size after what was told before it", async () => {
  const upstream = keep(await startUpstream());
  const gateway = await behind({ transport: "http", url: upstream.url });
  const message = { method: "notifications/progress", params: { progressToken: 1, progress: 1 } };
  upstream.when({ name: "big" }, { do: "notify", messages: [message] });
  const seen: string[] = [];
  for await (const { data } of events(await call(gateway, "big", { bytes: 8_000_000 }))) seen.push(data);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.at(-1)?.length).toBeGreaterThan(8_000_000);
});

const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
const canLook = existsSync("/proc/self/status");

test.skipIf(!canLook)("large answers to agents that do not read stay within a bound in memory (G-15)", async () => {
  const upstream = keep(await startUpstream());
  const gateway = await behind({ transport: "http", url: upstream.url });
  await othersAreServed(gateway);
  const before = memoryOf(gateway.pid);
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(gateway.pid));
  }, 100);
  // 360 MB if all of it were kept.
  const calls = Array.from({ length: 40 }, () => call(gateway, "big", { bytes: 9_000_000 }));
  const responses = await Promise.all(calls).finally(() => clearInterval(timer));
  await othersAreServed(gateway);
  expect((most - before) / 1e6).toBeLessThan(220);
  for (const response of responses) response.destroy();
});
if (!canLook) console.log("skipped: the bound in memory, because there is no /proc on this machine");
