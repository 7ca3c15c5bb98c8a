import { expect } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import type { Then } from "../fixtures/upstream/script.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { failureOf, row } from "./lab.ts";

const keep = useCleanup();

/** Two equals of one group. */
async function startEquals(proxy: Json = {}) {
  const [a, b] = await Promise.all(["a", "b"].map(async name => keep(await startUpstream({ era: "modern", name }))));
  const tables = [a!, b!].map(({ url, options: { name } }) => ({
    ...{ name, transport: "http", url, group: "pair", health_check_interval: 1, safe_to_retry: ["add"] },
  }));
  const toml = configToml(tables, { security: { rate_limit_per_minute: 0, log_requests: false }, ...proxy });
  const gateway = keep(await startGateway({ toml }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  const agent = modernAgent(gateway.url);
  return {
    ...{ a: a!, b: b! },
    call: (name: string, args: Json = {}): Promise<Answered> => agent.request("tools/call", { name, arguments: args }),
  };
}

/** Makes so many calls, a few at a time; `before` is told the number of each. */
async function load(
  calls: number,
  { atOnce, call, before = () => {} }: { atOnce: number; call: () => Promise<Answered>; before?: (at: number) => void },
): Promise<Answered[]> {
  const answered: Answered[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < calls) {
      before(next++);
      answered.push(await call());
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return answered;
}

const seenBy = ({ journal }: Upstream): number => journal.sent("tools/call").length;

row(
  "F-52",
  "upstreams that flap together get hardly more calls than agents make, and every call its answer",
  async () => {
    const { a, b, call } = await startEquals();
    const broken: Then = { do: "status", status: 500 };
    let takeBack: (() => void)[] = [];
    const calls = 600;
    const before = (at: number): void => {
      if (at % 100 === 0) takeBack = [a, b].map(one => one.when({ name: "add" }, broken));
      // Broken for three quarters of the time: without a budget there would be 1.75 times as many.
      if (at % 100 === 75) for (const undo of takeBack) undo();
    };
    const began = performance.now();
    const answered = await load(calls, { atOnce: 8, call: () => call("add", { a: 1, b: 2 }), before });
    const seconds = (performance.now() - began) / 1000;
    expect(answered).toHaveLength(calls);
    for (const one of answered) if (!one.message?.result) expect(failureOf(one).code).toBe(-31003);
    // The budget counts ten seconds at once.
    expect(seenBy(a) + seenBy(b)).toBeLessThanOrEqual(1.2 * calls + 10 * Math.max(10, seconds));
  },
);

row("F-53", "an instance that fails fast gets hardly any calls, and is taken back when it works", async () => {
  const { a, b, call } = await startEquals();
  const takeBack = a.when({ method: "tools/call" }, { do: "status", status: 500 });
  // A healthy one takes its time.
  b.when({ method: "tools/call" }, { do: "delay", ms: 20 });
  await load(40, { atOnce: 4, call: () => call("count") });
  const [beforeA, beforeB] = [seenBy(a), seenBy(b)];
  await load(200, { atOnce: 4, call: () => call("count") });
  const share = (seenBy(a) - beforeA) / (seenBy(a) - beforeA + seenBy(b) - beforeB);
  expect(share).toBeLessThan(0.1);
  takeBack();
  const healed = await load(2_000, {
    atOnce: 2,
    call: () => call("count"),
    before: () => {
      if (a.journal.executions.length > 20) throw DONE;
    },
  }).catch(error => error);
  expect(healed).toBe(DONE);
});
const DONE = new Error("it serves again");

row("F-54", "an instance that is slow gets few calls where the less busy of two is chosen", async () => {
  const { a, b, call } = await startEquals({ load_balancing: "power_of_two" });
  a.when({ method: "tools/call" }, { do: "delay", ms: 1_000 });
  b.when({ method: "tools/call" }, { do: "delay", ms: 20 });
  const answered = await load(300, { atOnce: 8, call: () => call("count") });
  expect(answered.every(({ message }) => message?.result !== undefined)).toBe(true);
  expect(seenBy(a) / (seenBy(a) + seenBy(b))).toBeLessThan(0.15);
});
