import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { oddChild } from "../fixtures/odd-child.ts";
import { startPlainUpstream } from "../fixtures/plain-upstream.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();
const runDirOf = (gateway: { dir: string }) => join(gateway.dir, ".radium", "run");
const logText = (gateway: { dir: string }) => readFileSync(join(runDirOf(gateway), "calls.log"), "utf8");
const security = (more: Json = {}) => ({ security: { rate_limit_per_minute: 0, ...more } });

/** An upstream whose tool never answers, unless its arguments say that it may. */
async function hanging(onCall: (nonce: string) => void = () => {}) {
  return keep(
    await startPlainUpstream({
      tools: ["transfer"],
      instead({ message, result }) {
        if (message.method !== "tools/call") return false;
        const { nonce, ends } = message.params!.arguments as { nonce: string; ends?: boolean };
        onCall(nonce);
        if (ends) result({ content: [] });
        return true;
      },
    }),
  );
}
const call = (agent: ModernAgent, name: string, args: Json) =>
  agent.request("tools/call", { name, arguments: args }).catch(() => undefined);

describe("a call", () => {
  test.each(["drop", "block"])(
    "is in the log before its upstream hears of it (log_on_failure = %s)",
    async onFailure => {
      const there: boolean[] = [];
      let gateway: GatewayRun | undefined;
      const upstream = await hanging(nonce => there.push(logText(gateway!).includes(nonce)));
      const child = oddChild("child", {
        on: `if (message.method === "tools/call") {
        const log = fs.readFileSync(".radium/run/calls.log", "utf8");
        reply(message, { content: [{ type: "text", text: String(log.includes(message.params.arguments.nonce)) }] });
      } else legacy(message);`,
      });
      const toml = configToml(
        [{ name: "bank", transport: "http", url: upstream.url }, child],
        security({ log_on_failure: onFailure }),
      );
      gateway = keep(await startGateway({ toml }));
      await gateway.until();
      const agent = modernAgent(gateway.url);
      const nonces = Array.from({ length: 60 }, (_, at) => `nonce-${at}-`);
      await Promise.all(nonces.map(nonce => call(agent, "bank:transfer", { nonce, ends: true })));
      expect(there).toEqual(nonces.map(() => true));
      const answers = await Promise.all(nonces.map(nonce => call(agent, "child:speaks", { nonce: `${nonce}child` })));
      for (const answer of answers) expect(answer?.raw).toContain('"text":"true"');
    },
  );

  test.each(["drop", "block"])(
    "that ran when the gateway was killed can be named, by the log and by the next gateway, once (log_on_failure = %s)",
    async onFailure => {
      const arrived: string[] = [];
      const upstream = await hanging(nonce => arrived.push(nonce));
      const toml = configToml(
        [{ name: "bank", transport: "http", url: upstream.url }],
        security({ log_on_failure: onFailure }),
      );
      const gateway = keep(await startGateway({ toml }));
      await gateway.until();
      const agent = modernAgent(gateway.url, { name: "ledger" });
      await call(agent, "transfer", { nonce: "ended", ends: true });
      await poll(() => gateway.logLines().length === 1);
      const nonces = Array.from({ length: 164 }, (_, at) => `pay-${at}`);
      for (const nonce of nonces) void call(agent, "transfer", { nonce, password: "hunter2" });
      await poll(() => arrived.length === 165);
      await gateway.kill();
      const lines = gateway.allLogLines().filter(({ event }) => event === "sending");
      const named = lines.map(({ params }) => ((params as Json).arguments as Json).nonce);
      expect(named.sort()).toEqual(["ended", ...nonces].sort());
      expect(logText(gateway)).not.toContain("hunter2");
      for (const line of lines)
        expect(line).toMatchObject({ agent: "ledger/1.0.0", target: "transfer", upstream: "bank" });

      const again = async (before: GatewayRun) => {
        const prepare = (dir: string) => {
          mkdirSync(runDirOf({ dir }), { recursive: true, mode: 0o700 });
          cpSync(join(runDirOf(before), "calls.log"), join(runDirOf({ dir }), "calls.log"));
        };
        const run = keep(await startGateway({ toml, prepare }));
        await run.until();
        return run;
      };
      const next = await again(gateway);
      const { unfinished, warnings } = await next.status();
      expect(unfinished).toMatchObject({ count: 164 });
      expect(unfinished?.calls).toHaveLength(20);
      expect(unfinished?.calls.at(-1)).toMatchObject({ agent: "ledger/1.0.0", target: "transfer", upstream: "bank" });
      expect(warnings.join("\n")).toMatch(
        /ended without stopping while 164 calls ran \(the last: transfer to bank, at /,
      );
      expect(next.output().match(/164 calls ran/g)).toHaveLength(1);
      await poll(() => next.allLogLines().some(({ event }) => event === "unfinished"));
      const told = next.allLogLines().filter(({ event }) => event === "unfinished");
      expect(new Set(told.map(({ id }) => id)).size).toBe(164);
      expect((await next.rad("mcp", "proxy", "logs", "--lines", "1")).stdout).toMatch(/transfer.*unfinished/);
      expect(await next.stop()).toBe(0);
      expect((await (await again(next)).status()).unfinished).toBeUndefined();
    },
    60_000,
  );

  test("that was cut off by a stop has ended", async () => {
    const arrived: string[] = [];
    const upstream = await hanging(nonce => arrived.push(nonce));
    const toml = configToml([{ name: "bank", transport: "http", url: upstream.url }], security());
    const gateway = keep(await startGateway({ toml }));
    await gateway.until();
    void call(modernAgent(gateway.url), "transfer", { nonce: "cut" });
    await poll(() => arrived.length === 1);
    process.kill(gateway.pid, "SIGTERM");
    // Two that come at once may be one.
    expect(await poll(() => gateway.output().includes("Stopping"))).toBe(true);
    process.kill(gateway.pid, "SIGTERM");
    await gateway.ended;
    const [sent, ended] = gateway.allLogLines();
    expect(sent).toMatchObject({ event: "sending", target: "transfer" });
    expect(ended).toMatchObject({ event: "call", id: sent?.id, outcome: "failed" });
  });
});
