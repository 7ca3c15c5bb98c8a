import { deepEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { configToml, startGateway } from "../../fixtures/gateway.ts";
import { poll } from "../../fixtures/poll.ts";
import { freePort } from "../../fixtures/real-servers.ts";
import type { Json } from "../../fixtures/upstream/contract.ts";
import { AGENTS, type FleetAgent, type Place, START_MS } from "./agents.ts";
import type { Direct, Sights } from "./compare.ts";
import { declaredAs, FEATURE_NAMES, type FeatureName, look, type Sight } from "./features.ts";
import { commandOf, FLEET, type FleetServer } from "./manifest.ts";
import { type AgentEra, OTHER, ROWS, type Row, rowName, type Transport, type View, WAYS } from "./ways.ts";

/** The features that a server declares. */
export const featuresOf = (server: FleetServer): readonly FeatureName[] =>
  FEATURE_NAMES.filter(name => server.features.includes(declaredAs(name)));

/** The rows of a server: some can only listen. */
export const rowsOf = ({ stdio }: FleetServer): readonly Row[] =>
  ROWS.filter(({ way }) => stdio !== undefined || WAYS[way].transport === "http");

/** A server that listens while something is done with its URL. */
async function withHttp<T>(server: FleetServer, use: (url: string) => Promise<T>): Promise<T> {
  const port = await freePort();
  const { command, args } = commandOf(server.http, port);
  const child = spawn(command, args, { cwd: tmpdir(), stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", text => {
    printed = (printed + text).slice(-4_000);
  });
  const gone = once(child, "exit");
  try {
    const ended = () => child.exitCode !== null || child.signalCode !== null;
    await poll(async () => ended() || (await listens(port)), { withinMs: START_MS });
    if (ended() || !(await listens(port))) throw new Error(`${server.name} does not listen:\n${printed}`);
    return await use(`http://127.0.0.1:${port}/mcp`);
  } finally {
    child.kill("SIGKILL");
    await gone;
  }
}

const listens = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

/** Two agents at one place look at every feature, the questions first. */
async function lookAt(server: FleetServer, era: AgentEra, place: Place): Promise<Sights> {
  const agents: FleetAgent[] = [];
  try {
    for (const name of ["ann", "bob"]) agents.push(await AGENTS[era](name, place));
    const [agent, other] = agents as [FleetAgent, FleetAgent];
    const sights: Partial<Record<FeatureName, Sight>> = {};
    const features = featuresOf(server);
    const [first] = features;
    for (const name of features) {
      sights[name] = await look(name, { agent, other });
      // Nothing comes before the first question. Servers that nobody can watch say so here; the feature shows it.
      if (name === first) await agent.watch("fleet://static").catch(() => {});
    }
    return sights;
  } finally {
    await Promise.all(agents.map(agent => agent.close()));
  }
}

/** What a pinned client of SDK v2 throws where its revision is not offered. */
const OTHER_ERA: readonly unknown[] = ["ERA_NEGOTIATION_FAILED", -32022];

/** Undefined where the server does not speak that era. */
const lookDirectly = (server: FleetServer, era: AgentEra, place: Place): Promise<Sights | undefined> =>
  lookAt(server, era, place).catch(error => {
    if (era === "modern" && OTHER_ERA.includes((error as { code?: unknown }).code)) return undefined;
    throw error;
  });

export type Through = Readonly<Record<View, Sights>>;

/**
 * The same two agents through a fresh gateway, at each of its endpoints, at the second one beside an agent of the other era;
 * `reached` is how the configuration names the server.
 */
async function lookThrough(server: FleetServer, { way, era }: Row, reached: Json): Promise<Through> {
  const { name } = server;
  const table = { name, ...WAYS[way], ...reached };
  const gateway = await startGateway({ toml: configToml([table], { security: { rate_limit_per_minute: 0 } }) });
  try {
    const ready = async () => (await fetch(`${gateway.base}/readyz`)).ok;
    if (!(await poll(ready, { withinMs: START_MS })))
      throw new Error(`${name} never became ready:\n${gateway.output()}`);
    const own = await lookAt(server, era, { url: gateway.of(name) });
    const common = { url: gateway.url };
    const stranger = await AGENTS[OTHER[era]]("eve", common);
    try {
      const sum = async () => (await stranger.call("add", { a: 1, b: 2 })).content;
      const before = await sum();
      const all = await lookAt(server, era, common);
      deepEqual(await sum(), before);
      return { "/mcp/<upstream>": own, "/mcp": all };
    } finally {
      await stranger.close();
    }
  } finally {
    await gateway.close();
  }
}

/** All that was seen of one server. A row that could not be looked at holds the error. */
export interface Measured {
  readonly direct: Readonly<Partial<Record<Transport, Direct>>>;
  readonly through: Readonly<Record<string, Through | Error>>;
}

/** Looks at one server, directly and in every row that it has; each time at one that has just been started. */
export async function measure(server: FleetServer): Promise<Measured> {
  const directly = async (place: Place): Promise<Direct> => ({
    legacy: await lookAt(server, "legacy", place),
    modern: await lookDirectly(server, "modern", place),
  });
  const { stdio } = server;
  const direct = {
    http: await withHttp(server, url => directly({ url })),
    ...(stdio && { stdio: await directly({ ...commandOf(stdio), cwd: FLEET }) }),
  };
  const through: Record<string, Through | Error> = {};
  for (const row of rowsOf(server)) {
    const reached = {
      http: () => withHttp(server, url => lookThrough(server, row, { url })),
      stdio: () => lookThrough(server, row, commandOf(stdio ?? server.http)),
    } as const satisfies Record<Transport, () => Promise<Through>>;
    through[rowName(row)] = await reached[WAYS[row.way].transport]().catch((error: Error) => error);
  }
  return { direct, through };
}
