import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { modernAgent } from "../fixtures/agents/http.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import type { Seed } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import type { Draw } from "./random.ts";

const AT_ONCE = 8;
/** Between two good calls, so that they do not take the machine from what they stand beside. */
const PAUSE_MS = 10;
/** Seeds above this size are only replayed: their relatives would show nothing but the speed of copying. */
const MUTABLE_BYTES = 8_192;

/** Malformed relatives of the seeds. */
export function relatives(seeds: readonly Seed[], count: number, draw: Draw): Seed[] {
  const small = seeds.filter(({ bytes }) => bytes.length <= MUTABLE_BYTES);
  return Array.from({ length: count }, () => {
    const seed = draw.pick(small);
    return { ...seed, bytes: mutate(seed.bytes, draw) };
  });
}

/** Works through the items, some at a time; each worker takes the next until there is none. */
export async function eachOf<T>(
  items: readonly T[],
  work: (take: () => T | undefined) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(() => items[next++])));
}

/** Good calls, one after the other, until the work is done. Resolves with how many there were and what was wrong. */
export async function goodTraffic(
  gateway: GatewayRun,
  work: Promise<unknown>,
): Promise<{ calls: number; wrong: string[] }> {
  const agent = modernAgent(gateway.url, { name: "good-agent" });
  const wrong: string[] = [];
  let [calls, working] = [0, true];
  const done = work.finally(() => {
    working = false;
  });
  while (working) {
    const nonce = randomUUID();
    const { message, raw } = await agent.request("tools/call", { name: "good:echo", arguments: { nonce } });
    if (JSON.stringify(message?.result?.structuredContent) !== JSON.stringify({ nonce })) wrong.push(raw);
    calls++;
    await sleep(PAUSE_MS);
  }
  await done;
  return { calls, wrong };
}

/** Calls that the gateway still waits for, at all upstreams. */
export const inFlight = async (gateway: GatewayRun): Promise<number> =>
  (await gateway.status()).upstreams.reduce((sum, upstream) => sum + upstream.inFlight, 0);

/** A stack trace: something was thrown that nobody expected. */
export const BUG = /\n\s+at .*\.js:\d+/;
