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
    const began = performance.now();
    const passedMs = (): number => performance.now() - began;
    let takeBack: (() => void)[] = [];
    const before = (): void => {
      // Both are broken for every other half of a second: without a budget they would get 1.5 times what is offered.
      const isBroken = Math.floor(passedMs() / 500) % 2 === 0;
      if (isBroken === takeBack.length > 0) return;
      if (isBroken) takeBack = [a, b].map(one => one.when({ name: "add" }, broken));
      else for (const undo of takeBack.splice(0)) undo();
    };
    const answered: Answered[] = [];
    while (passedMs() < 5_000) {
      answered.push(...(await load(80, { atOnce: 8, call: () => call("add", { a: 1, b: 2 }), before })));
    }
    for (const one of answered) if (!one.message?.result) expect(failureOf(one).code).toBe(-31003);
    const [offered, seen] = [answered.length, seenBy(a) + seenBy(b)];
    console.log(`F-52: ${offered} calls, ${seen} seen by upstreams in ${Math.round(passedMs())} ms`);
    // A fifth, and ten a second; those of the ten seconds before the first call are there to be used as well.
    expect(seen).toBeLessThanOrEqual(1.2 * offered + 10 * (passedMs() / 1_000 + 10));
  },
);

for (const load_balancing of ["round_robin", "least_pending", "power_of_two"]) {
  row("F-53", `an instance that fails fast gets hardly any calls, and is taken back (${load_balancing})`, async () => {
    const { a, b, call } = await startEquals({ load_balancing });
    const takeBack = a.when({ method: "tools/call" }, { do: "status", status: 500 });
    // A healthy one takes its time, so that by the number of running calls the broken one looks better.
    b.when({ method: "tools/call" }, { do: "delay", ms: 20 });
    await load(40, { atOnce: 4, call: () => call("count") });
    const [beforeA, beforeB] = [seenBy(a), seenBy(b)];
    // Five faults in a row and what was under way by then, however fast they come; and a trial or two on a slow machine.
    expect(beforeA).toBeLessThanOrEqual(12);
    await load(200, { atOnce: 4, call: () => call("count") });
    const share = (seenBy(a) - beforeA) / (seenBy(a) - beforeA + seenBy(b) - beforeB);
    console.log(`F-53 (${load_balancing}): ${beforeA} of the first 40 calls, then ${Math.round(share * 1_000) / 10} %`);
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
}
const DONE = new Error("it serves again");

for (const load_balancing of ["least_pending", "power_of_two"]) {
  row("F-54", `an instance that is twenty times as slow gets few calls (${load_balancing})`, async () => {
    const { a, b, call } = await startEquals({ load_balancing });
    a.when({ method: "tools/call" }, { do: "delay", ms: 400 });
    b.when({ method: "tools/call" }, { do: "delay", ms: 20 });
    const answered = await load(400, { atOnce: 8, call: () => call("count") });
    expect(answered.every(({ message }) => message?.result !== undefined)).toBe(true);
    const share = seenBy(a) / (seenBy(a) + seenBy(b));
    console.log(`F-54 (${load_balancing}): ${Math.round(share * 1_000) / 10} % of 400 calls`);
    expect(share).toBeLessThan(0.15);
  });
}
