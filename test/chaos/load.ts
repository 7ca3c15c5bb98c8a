import { setTimeout as sleep } from "node:timers/promises";
import { connect, type EraAgent } from "../eras/agents.ts";
import { AGENTS, type AgentKind } from "../eras/kinds.ts";
import type { Answered } from "../fixtures/agents/answered.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { type Draw, seeded } from "../fuzz/random.ts";

/** What an agent does, and whether it may be done twice. */
interface Deed {
  readonly name: string;
  readonly safe: boolean;
  /** How often, among all. */
  readonly share: number;
  /** Not twice in the journal, whatever happened. Questions run anew in every round. */
  readonly once: boolean;
  run(agent: EraAgent, nonce: string, draw: Draw): Promise<Answered>;
  /** Whether the answer is that of somebody else. */
  foreign?(answered: Answered, nonce: string): boolean;
}

const call = (agent: EraAgent, name: string, args: Json): Promise<Answered> =>
  agent.request("tools/call", { name, arguments: args });

const DEEDS: readonly Deed[] = [
  {
    ...{ name: "echo", safe: true, share: 30, once: false },
    run: (agent, nonce) => call(agent, "echo", { nonce }),
    foreign: ({ message }, nonce) => (message?.result?.structuredContent as Json | undefined)?.nonce !== nonce,
  },
  {
    ...{ name: "slow", safe: true, share: 5, once: false },
    run: (agent, nonce, draw) => call(agent, "slow", { nonce, ms: 20 + draw.below(180) }),
  },
  { name: "count", safe: false, share: 25, once: true, run: (agent, nonce) => call(agent, "count", { nonce }) },
  {
    ...{ name: "progress", safe: false, share: 10, once: true },
    run: (agent, nonce) => call(agent, "progress", { nonce, steps: 2 }),
  },
  { name: "add", safe: false, share: 10, once: true, run: (agent, nonce) => call(agent, "add", { nonce, a: 1, b: 2 }) },
  { name: "log", safe: false, share: 5, once: true, run: (agent, nonce) => call(agent, "log", { nonce }) },
  {
    ...{ name: "converse", safe: false, share: 3, once: false },
    run: async (agent, nonce) => {
      const args = { nonce, rounds: [["sampling"]], base: 1, steps: 0, ms: 0 };
      return (await agent.converse("tools/call", { name: "converse", arguments: args })).last;
    },
    foreign: ({ message }, nonce) => {
      const [block] = (message?.result?.content ?? []) as Json[];
      return block?.text !== undefined && !String(block.text).includes(`"${nonce}"`);
    },
  },
  {
    ...{ name: "read", safe: true, share: 7, once: false },
    run: agent => agent.request("resources/read", { uri: "pair://static-text" }),
  },
  { name: "list", safe: true, share: 5, once: false, run: agent => agent.request("tools/list") },
];
const SHARES = DEEDS.flatMap(deed => Array.from({ length: deed.share }, () => deed));

/** One request of an agent, and what became of it. */
export interface Deal {
  readonly nonce: string;
  readonly deed: string;
  readonly safe: boolean;
  readonly once: boolean;
  readonly agent: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly end:
    | { readonly kind: "result" }
    | { readonly kind: "error"; readonly code: number; readonly text: string }
    | { readonly kind: "foreign"; readonly text: string }
    /** No JSON-RPC message came. */
    | { readonly kind: "dropped"; readonly text: string };
}

export interface Load {
  readonly deals: Deal[];
  /** As fast as so many at once get, for a while. Resolves with requests per second. */
  flatOut(atOnce: number, ms: number): Promise<number>;
  /** So many per second from now on. The function that is returned ends it, and resolves when all have ended. */
  steady(perSecond: number): () => Promise<void>;
  /** So many slow calls at once. */
  inFlight(calls: number): LastCalls;
  close(): Promise<void>;
}

export interface LastCalls {
  /** What was wrong with each, empty for those that succeeded. */
  readonly outcome: Promise<string[]>;
  ended(): number;
}

/** Of the last calls before a stop. */
const SLOWEST_MS = 4_000;
/** More than any deadline of the configuration allows. */
const PATIENCE_MS = 30_000;
const TICK_MS = 10;
const MOST_AT_ONCE = 1_500;
const named = (index: number, name: string): AgentKind => ({ ...(AGENTS[index] as AgentKind), name });
/** Modern and legacy agents over HTTP, one on HTTP+SSE. */
const KINDS = [named(4, "ann"), named(4, "bob"), named(3, "cid"), named(2, "dot"), named(0, "eve")];

export async function startLoad(gateway: GatewayRun, seed: number): Promise<Load> {
  const agents = await Promise.all(KINDS.map(kind => connect(kind, gateway)));
  await agents[0]?.listen([]);
  const draw = seeded(seed);
  const deals: Deal[] = [];
  const running = new Set<Promise<void>>();
  let made = 0;

  async function deal(): Promise<void> {
    const [deed, agent] = [draw.pick(SHARES), draw.pick(agents)];
    const nonce = `n${++made}`;
    const startedAt = Date.now();
    const late = new AbortController();
    const end = await Promise.race([
      deed.run(agent, nonce, draw).then(
        answered => endOf(deed, answered, nonce),
        (error: unknown) => ({ kind: "dropped", text: String(error) }) as const,
      ),
      sleep(PATIENCE_MS, { kind: "dropped", text: "never ended" } as const, { signal: late.signal }),
    ]);
    late.abort();
    const { name, safe, once } = deed;
    deals.push({ nonce, deed: name, safe, once, agent: agent.kind.name, startedAt, endedAt: Date.now(), end });
  }

  function begin(): Promise<void> {
    const one: Promise<void> = deal().finally(() => running.delete(one));
    running.add(one);
    return one;
  }

  return {
    deals,
    async flatOut(atOnce, ms) {
      const from = performance.now();
      const before = deals.length;
      const work = async (): Promise<void> => {
        while (performance.now() - from < ms) await begin();
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      return ((deals.length - before) / (performance.now() - from)) * 1_000;
    },
    steady(perSecond) {
      const from = performance.now();
      let sent = 0;
      const timer = setInterval(() => {
        const due = Math.floor(((performance.now() - from) / 1_000) * perSecond);
        while (sent < due) {
          sent++;
          if (running.size < MOST_AT_ONCE) void begin();
        }
      }, TICK_MS);
      return async () => {
        clearInterval(timer);
        await Promise.all(running);
      };
    },
    inFlight(calls) {
      let ended = 0;
      const one = async (at: number): Promise<string> => {
        const ms = SLOWEST_MS / 2 + draw.below(SLOWEST_MS / 2);
        // Those on HTTP+SSE lose the one stream that they have, and are told so before.
        const agent = agents[at % (agents.length - 1)] as EraAgent;
        const wrong = await call(agent, "slow", { nonce: `last${at}`, ms }).then(
          ({ message, raw }) => (message?.result ? "" : raw.slice(0, 200)),
          (error: unknown) => String(error),
        );
        ended++;
        return wrong;
      };
      return { outcome: Promise.all(Array.from({ length: calls }, (_, at) => one(at))), ended: () => ended };
    },
    close: async () => void (await Promise.all(agents.map(agent => agent.close()))),
  };
}

function endOf(deed: Deed, answered: Answered, nonce: string): Deal["end"] {
  const { message, status, raw } = answered;
  if (message?.error) return { kind: "error", code: message.error.code, text: message.error.message };
  if (!message?.result) return { kind: "dropped", text: `status ${status}: ${raw.slice(0, 200)}` };
  return deed.foreign?.(answered, nonce) ? { kind: "foreign", text: raw.slice(0, 300) } : { kind: "result" };
}
