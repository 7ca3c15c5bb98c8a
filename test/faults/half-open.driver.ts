/** Runs in a network namespace of its own: a peer that vanishes without a word. Prints what the agent saw as JSON. */
import { execFileSync } from "node:child_process";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { poll } from "../fixtures/poll.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

const nft = (...args: string[]) => void execFileSync("nft", args, { stdio: "inherit" });
execFileSync("ip", ["link", "set", "lo", "up"]);

const [a, b] = [await startUpstream({ era: "modern", name: "a" }), await startUpstream({ era: "modern", name: "b" })];
const common = { transport: "http", group: "pair", safe_to_retry: ["add"], health_check_interval: 1 };
const tables = [
  { ...common, name: "a", url: a.url, timeout: 1 },
  { ...common, name: "b", url: b.url, priority: 2 },
];
const gateway = await startGateway({ toml: configToml(tables, { security: { rate_limit_per_minute: 0 } }) });
const call = (url: string, name: string, args: object) =>
  modernAgent(url).request("tools/call", { name, arguments: args });
const runs = (nonce: string) =>
  [a, b].map(({ journal }) => journal.executions.filter(run => run.nonce === nonce).length);

try {
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  const before = await call(gateway.url, "count", { nonce: "before" });
  nft("add", "table", "inet", "faults");
  nft("add", "chain", "inet", "faults", "input", "{ type filter hook input priority 0 ; }");
  nft("add", "rule", "inet", "faults", "input", "tcp", "dport", String(a.port), "drop");
  const unsafe = await call(gateway.url, "count", { nonce: "unsafe" });
  const safe = await call(gateway.url, "add", { a: 1, b: 2, nonce: "safe" });
  nft("delete", "table", "inet", "faults");
  const healed = await poll(
    async () => (await call(gateway.of("a"), "count", { nonce: "healed" })).message?.result !== undefined,
    { everyMs: 200 },
  );
  const messages = { before: before.message, unsafe: unsafe.message, safe: safe.message };
  console.log(JSON.stringify({ ...messages, healed, runs: { unsafe: runs("unsafe"), safe: runs("safe") } }));
} finally {
  await gateway.close();
  await Promise.all([a.close(), b.close()]);
}
