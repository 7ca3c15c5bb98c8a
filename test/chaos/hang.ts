import { setTimeout as sleep } from "node:timers/promises";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { freePort, serverAt } from "./fleet.ts";
import type { ChaosOptions } from "./run.ts";
import { figure, invariant, percentile, type Verdict } from "./verdict.ts";

const PER_SECOND = 25;
const CHECK_SECONDS = 5;
const TIMEOUT_SECONDS = 4;
/** What the first of two gets of it. */
const TRY_MS = (TIMEOUT_SECONDS * 1_000) / 2;

/** G-09: one of two is frozen for longer than a call waits for it, and left alone before long. */
export async function hang({ seconds }: ChaosOptions): Promise<Verdict[]> {
  const server = await serverAt("frozen", await freePort(), ["--tools", "echo"]);
  const other = await startUpstream({ tools: ["echo"] });
  const common = {
    ...{ transport: "http", group: "pair", safe_to_retry: ["echo"] },
    ...{ health_check_interval: CHECK_SECONDS, timeout: TIMEOUT_SECONDS },
  };
  const upstreams = [
    { name: "frozen", url: `http://127.0.0.1:${server.port}/mcp`, ...common },
    { name: "other", url: other.url, ...common },
  ];
  const gateway = await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) });
  const agent = modernAgent(gateway.url);
  const calls: { from: number; ms: number; wrong: string }[] = [];
  const one = async (): Promise<void> => {
    const from = performance.now();
    const wrong = await agent.request("tools/call", { name: "echo", arguments: {} }).then(
      ({ message, raw }) => (message?.result ? "" : raw.slice(0, 200)),
      (error: unknown) => String(error),
    );
    calls.push({ from, ms: performance.now() - from, wrong });
  };
  try {
    await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
    server.signal("SIGSTOP");
    const frozenAt = performance.now();
    const running: Promise<void>[] = [];
    const frozenMs = seconds >= 120 ? 20_000 : 6_000;
    for (; performance.now() - frozenAt < frozenMs; await sleep(1_000 / PER_SECOND)) running.push(one());
    await Promise.all(running);
    server.signal("SIGCONT");
    const slow = calls.filter(({ ms }) => ms >= TRY_MS / 2);
    const lastSent = Math.max(0, ...slow.map(({ from }) => from - frozenAt));
    const wrong = calls.flatMap(({ wrong: text }) => (text === "" ? [] : [text]));
    return [
      invariant("G-09", `safe calls that failed, of ${calls.length} while one of two is frozen`, wrong),
      figure("G-09", `p99 of these, of which an attempt may take ${TRY_MS / 1_000} s`, {
        ...{
          value: percentile(
            calls.map(({ ms }) => ms),
            0.99,
          ),
          most: TRY_MS + 100,
          bound: 20_000,
          unit: " ms",
        },
      }),
      figure("G-09", `time until no call waits for it any more; ${slow.length} did`, {
        ...{ value: lastSent, most: 3 * CHECK_SECONDS * 1_000, bound: Number.POSITIVE_INFINITY, unit: " ms" },
      }),
    ];
  } finally {
    server.signal("SIGCONT");
    await gateway.close();
    await Promise.all([server.kill(), other.close()]);
  }
}
