import { poll } from "../../fixtures/poll.ts";
import { asObject, type Json } from "../../fixtures/upstream/contract.ts";
import type { FleetAgent } from "./agents.ts";

/** Two agents of one kind that are connected to the same place. */
export interface Pair {
  readonly agent: FleetAgent;
  readonly other: FleetAgent;
}

export interface Feature {
  /** What the agent saw, without what differs from run to run. */
  readonly see: (pair: Pair) => Promise<Json>;
  /** Whether that is what a server of the fleet is made to give. */
  readonly works: (seen: Json) => boolean;
  /** What a manifest calls it, where that is not its name here. */
  readonly declared?: string;
  /** Whether it needs the agent to be asked. */
  readonly asks?: true;
}

const STATIC = "fleet://static";
/** For what is told beside an answer, and may come after it. */
const SOON_MS = 2_500;

const contentOf = (result: Json): string => String(asObject((result.content as Json[] | undefined)?.[0]).text);
const textOf = async (agent: FleetAgent, tool: string, args?: Json): Promise<Json> => {
  const result = await agent.call(tool, args);
  return { text: contentOf(result), isError: result.isError === true };
};
const says = (text: string) => (seen: Json) => seen.text === text && seen.isError === false;

/** A result without what only one era has around it. */
const bare = ({ resultType, ttlMs, cacheScope, _meta, ...result }: Json): Json => result;

/** Calls a tool and says what the agent was asked meanwhile. */
async function conversation(agent: FleetAgent, tool: string): Promise<Json> {
  const from = agent.heard.asked.length;
  const said = await textOf(agent, tool);
  const asked = agent.heard.asked.slice(from).map(({ method, params = {} }) => {
    const { message, requestedSchema, messages } = params as Json;
    const fields = Object.keys(asObject(asObject(requestedSchema).properties));
    return { method, ...(message !== undefined && { message, fields }), ...(messages !== undefined && { messages }) };
  });
  return { ...said, asked } as Json;
}

async function logged(agent: FleetAgent, logLevel?: "info"): Promise<Json> {
  const from = agent.heard.logs.length;
  const text = contentOf(await agent.call("log", {}, logLevel && { logLevel }));
  const lines = () => agent.heard.logs.slice(from).map(({ level, data }) => ({ level, data: wording(data) }));
  if (agent.tellsBeside) await poll(() => lines().length >= 4, { withinMs: SOON_MS, everyMs: 5 });
  return { text, lines: lines() };
}

/** FastMCP wraps the words of a line. */
const wording = (data: unknown): unknown => asObject(data as Json).msg ?? data;
const fourLines = ({ text, lines }: Json): boolean => text === "logged" && (lines as Json[]).length === 4;

const byName = (a: Json, b: Json) => (String(a.name) < String(b.name) ? -1 : 1);
const known = ["alice", "albert"];

export const FEATURES = {
  // The first question of a fresh gateway, in every row.
  elicit: { asks: true, see: ({ agent }) => conversation(agent, "elicit"), works: says("hello ann") },
  tools: {
    declared: "add",
    see: async ({ agent }) => ({
      tools: (await agent.listTools()).filter(({ name }) => name !== "grown").sort(byName),
    }),
    works: ({ tools }) => (tools as Json[]).some(({ name }) => name === "add"),
  },
  add: { see: ({ agent }) => textOf(agent, "add", { a: 1, b: 2 }), works: says("3") },
  progress: {
    see: async ({ agent }) => {
      const from = agent.heard.progress.length;
      const text = contentOf(await agent.call("progress", {}, { progress: true }));
      return { text, steps: agent.heard.progress.slice(from) };
    },
    works: ({ text, steps }) => text === "done" && (steps as Json[]).length === 3,
  },
  log: { see: ({ agent }) => logged(agent), works: fourLines },
  "log at a level": { declared: "log", see: ({ agent }) => logged(agent, "info"), works: fourLines },
  sample: { asks: true, see: ({ agent }) => conversation(agent, "sample"), works: says("ann says so") },
  roots: { asks: true, see: ({ agent }) => conversation(agent, "roots"), works: says("file:///home/ann") },
  ask: { asks: true, see: ({ agent }) => conversation(agent, "ask"), works: says("hello ann") },
  "elicit, two agents at once": {
    declared: "elicit",
    asks: true,
    see: async ({ agent, other }) => {
      const [one, two] = await Promise.all([agent, other].map(each => textOf(each, "elicit")));
      return { one: one?.text, two: two?.text } as Json;
    },
    works: ({ one, two }) => one === "hello ann" && two === "hello bob",
  },
  slow: { see: ({ agent }) => textOf(agent, "slow", { seconds: 0.2 }), works: says("awake") },
  fail: {
    see: ({ agent }) => textOf(agent, "fail"),
    works: ({ isError }) => isError === true,
  },
  structured: {
    see: async ({ agent }) => ({ structured: (await agent.call("structured")).structuredContent }) as Json,
    works: ({ structured }) => asObject(structured as Json).sum === 3,
  },
  "whoami: capabilities": {
    declared: "whoami",
    see: async ({ agent }) => {
      const { capabilities } = JSON.parse(contentOf(await agent.call("whoami"))) as Json;
      return { capabilities: Object.keys(asObject(capabilities as Json)).sort() };
    },
    works: ({ capabilities }) => (capabilities as string[]).length > 0,
  },
  "whoami: name": {
    declared: "whoami",
    see: async ({ agent }) => ({ name: JSON.parse(contentOf(await agent.call("whoami"))).name }),
    works: ({ name }) => name === "ann",
  },
  resource: {
    declared: "resources",
    see: async ({ agent }) => ({ listed: await agent.listResources(), read: bare(await agent.read(STATIC)) }) as Json,
    works: ({ read }) => JSON.stringify(read).includes("static text"),
  },
  template: {
    declared: "templates",
    see: async ({ agent }) =>
      ({ listed: await agent.listTemplates(), read: bare(await agent.read("fleet://item/7")) }) as Json,
    works: ({ read }) => JSON.stringify(read).includes("item 7"),
  },
  prompt: {
    declared: "prompts",
    see: async ({ agent }) =>
      ({ listed: await agent.listPrompts(), got: bare(await agent.prompt("greet", { name: "eve" })) }) as Json,
    works: ({ got }) => JSON.stringify(got).includes("Say hello to eve."),
  },
  completion: {
    declared: "complete",
    see: async ({ agent }) => {
      const { completion } = await agent.complete("greet", "name", "al");
      return { values: asObject(completion as Json).values } as Json;
    },
    works: ({ values }) => JSON.stringify(values) === JSON.stringify(known),
  },
  subscription: {
    declared: "subscribe",
    see: async ({ agent }) => {
      const from = agent.heard.updated.length;
      const text = contentOf(await agent.call("touch"));
      await poll(() => agent.heard.updated.length > from, { withinMs: SOON_MS, everyMs: 5 });
      return { text, updated: agent.heard.updated.slice(from) };
    },
    works: ({ updated }) => (updated as string[]).includes(STATIC),
  },
  grow: {
    see: async ({ agent }) => {
      const lists = async () => (await agent.listTools()).some(({ name }) => name === "grown");
      // Where all sessions have one list, another agent may have made it grow before: then nothing has to be heard.
      const was = await lists();
      const from = agent.heard.listChanges;
      await agent.call("grow");
      const heard = () => was || agent.heard.listChanges > from;
      await poll(heard, { withinMs: SOON_MS, everyMs: 5 });
      return { heard: heard(), listed: await lists(), called: contentOf(await agent.call("grown")) };
    },
    works: ({ heard, listed, called }) => heard === true && listed === true && called === "grown",
  },
  "grow, for nobody else": {
    declared: "grow",
    see: async ({ agent, other }) => {
      const sees = async (each: FleetAgent) => (await each.listTools()).some(({ name }) => name === "grown");
      return { own: await sees(agent), others: await sees(other) };
    },
    works: ({ own, others }) => own === true && others === false,
  },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;
export const FEATURE_NAMES = Object.keys(FEATURES) as FeatureName[];
/** What manifests call it. */
export const declaredAs = (name: FeatureName): string => (FEATURES[name] as Feature).declared ?? name;

/** What was seen, or how it failed; and whether it works. */
export interface Sight {
  readonly works: boolean;
  readonly seen: Json;
}

/** Connects nothing: looks at one feature through agents that are connected. */
export async function look(name: FeatureName, pair: Pair): Promise<Sight> {
  const { see, works }: Feature = FEATURES[name];
  try {
    const seen = await see(pair);
    return { works: works(seen), seen };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return { works: false, seen: { error: { code: String(code), message: String(message) } } };
  }
}
