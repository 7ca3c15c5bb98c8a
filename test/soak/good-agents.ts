import { setTimeout as sleep } from "node:timers/promises";
import { connect, type EraAgent } from "../eras/agents.ts";
import { AGENTS, type AgentKind } from "../eras/kinds.ts";
import type { Answered } from "../fixtures/agents/answered.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { seeded } from "../fuzz/random.ts";
import { GOOD, type GoodName, WATCHED } from "./good-fleet.ts";

/** A request of a good agent, and what became of it. */
export interface Deed {
  readonly what: "call" | "read";
  readonly agent: string;
  readonly at: GoodName;
  /** Of a call. */
  readonly nonce: string;
  readonly ms: number;
  /** Empty where it is what was asked for. */
  readonly wrong: string;
}

export interface GoodAgents {
  /** All of them work for so long. */
  work(ms: number): Promise<Deed[]>;
  /** Makes a change that all of them watch for; resolves with those who have not heard of it in time. */
  hear(change: () => void): Promise<string[]>;
  close(): Promise<void>;
}

/** Mostly modern ones, which are the most exposed: they open a connection for each request. */
const REVISIONS = [4, 4, 4, 4, 3, 3, 2, 1, 0, 0];
/** So many of them call what is started for each. */
const WITH_OWN = 3;
const PATIENCE_MS = 60_000;
const HEARS_MS = 10_000;
const READS = 0.1;
const PAUSE_MS = { least: 20, spread: 60 };

/** `look` sees the text of every answer. */
export async function startGoodAgents(gateway: GatewayRun, look: (text: string) => void): Promise<GoodAgents> {
  const agents = await Promise.all(
    REVISIONS.map((kind, at) => connect({ ...(AGENTS[kind] as AgentKind), name: `good-${at}` }, gateway)),
  );
  const draw = seeded(7);
  let made = 0;
  for (const agent of agents) await agent.listen([WATCHED]);

  async function deed(agent: EraAgent, position: number): Promise<Deed> {
    const what = draw.chance(READS) ? "read" : "call";
    const at = draw.pick(position < WITH_OWN ? GOOD : GOOD.filter(name => name !== "own"));
    const nonce = `${agent.kind.name}-${++made}`;
    const from = performance.now();
    const late = new AbortController();
    const wrong = await Promise.race([
      DEEDS[what](agent, at, nonce).then(
        answered => {
          look(answered.raw);
          return objection(answered, what, nonce);
        },
        (error: unknown) => String(error),
      ),
      sleep(PATIENCE_MS, "it never ended", { signal: late.signal }),
    ]);
    late.abort();
    return { what, agent: agent.kind.name, at, nonce, ms: performance.now() - from, wrong };
  }

  return {
    async work(ms) {
      const deeds: Deed[] = [];
      await Promise.all(
        agents.map(async (agent, position) => {
          for (const until = performance.now() + ms; performance.now() < until; ) {
            deeds.push(await deed(agent, position));
            await sleep(PAUSE_MS.least + draw.below(PAUSE_MS.spread));
          }
        }),
      );
      return deeds;
    },
    async hear(change) {
      const before = agents.map(({ told }) => told.all.length);
      const hasHeard = ({ told }: EraAgent, at: number): boolean =>
        told.all
          .slice(before[at])
          .some(({ method, params }) => method === "notifications/resources/updated" && params?.uri === WATCHED);
      change();
      await poll(() => agents.every(hasHeard), { withinMs: HEARS_MS, everyMs: 100 });
      const deaf = agents
        .filter((agent, at) => !hasHeard(agent, at))
        .map(({ kind }) => `${kind.name} (${kind.revision})`);
      for (const { told } of agents) {
        for (const message of told.all) look(JSON.stringify(message));
        told.all.length = 0;
      }
      return deaf;
    },
    close: async () => void (await Promise.all(agents.map(agent => agent.close().catch(() => {})))),
  };
}

const DEEDS: Readonly<Record<Deed["what"], (agent: EraAgent, at: GoodName, nonce: string) => Promise<Answered>>> = {
  // Under the name that is always accepted, whoever else has a tool of the same name.
  call: (agent, at, nonce) => agent.request("tools/call", { name: `${at}:echo`, arguments: { nonce } }),
  read: (agent, at) => agent.request("resources/read", { uri: `${at}://static-text` }),
};

const FITS: Readonly<Record<Deed["what"], (result: Json, nonce: string) => boolean>> = {
  call: ({ structuredContent }, nonce) => (structuredContent as Json | undefined)?.nonce === nonce,
  read: ({ contents }) =>
    (contents as Json[] | undefined)?.[0]?.text === "This is the content of the static text resource.",
};

/** Why the answer is not what was asked for. */
function objection({ message, status, raw }: Answered, what: Deed["what"], nonce: string): string {
  if (message?.error) return `${message.error.code} ${message.error.message.slice(0, 200)}`;
  if (!message?.result) return `status ${status}: ${raw.slice(0, 200)}`;
  return FITS[what](message.result, nonce) ? "" : `another's: ${raw.slice(0, 200)}`;
}
