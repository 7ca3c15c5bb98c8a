import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { poll } from "../fixtures/poll.ts";
import type { Installed } from "./install.ts";

/** What a server says of itself. */
export interface Seen {
  readonly kind: "answered";
  readonly tools: readonly Tool[];
  /** The harmless call that was made, and what came of it; `undefined` where no tool has one. */
  readonly call: HarmlessCall | undefined;
  readonly answer: unknown;
}
export type Tool = Awaited<ReturnType<Client["listTools"]>>["tools"][number];
/** A call without the arguments that its tool must have: it is refused by the server, and does nothing. */
export interface HarmlessCall {
  readonly tool: string;
}
export type Silent = { readonly kind: "silent"; readonly why: string };

/** One that is degraded serves what it has; what it says it has and refuses to list, it refuses directly as well. */
const CONNECTED: ReadonlySet<string> = new Set(["ready", "degraded"]);
/** Much longer than any of them takes, also on a busy machine. */
const PATIENCE_MS = 120_000;
const client = (): Client => new Client({ name: "npm-fleet", version: "1.0.0" });
type Transport = Parameters<Client["connect"]>[0];

/** Starts each server by itself and asks it, so many at a time. */
export async function beside(
  servers: readonly Installed[],
  { atOnce, told }: { readonly atOnce: number; told(server: Installed, seen: Seen | Silent): void },
): Promise<{ readonly server: Installed; readonly seen: Seen | Silent }[]> {
  const waiting = servers.map((server, at) => ({ server, at }));
  const all: { server: Installed; seen: Seen | Silent }[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const seen = await ownWords(next.server);
      told(next.server, seen);
      all[next.at] = { server: next.server, seen };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return all;
}

async function ownWords({ command, args, env, cwd }: Installed): Promise<Seen | Silent> {
  const transport = new StdioClientTransport({ command, args: [...args], env: { ...env }, cwd, stderr: "pipe" });
  let complaint = "";
  transport.stderr?.on("data", chunk => {
    complaint = `${complaint}${chunk}`.slice(-2_000);
  });
  const seen = await ask(transport, tools => harmless(tools));
  if (seen.kind === "answered") return seen;
  const lastLine = complaint.trim().split("\n").at(-1)?.slice(0, 120) ?? "";
  return { ...seen, why: `${seen.why}${lastLine && ` (${lastLine})`}` };
}

async function ask(
  transport: unknown,
  choose: (tools: readonly Tool[]) => HarmlessCall | undefined,
): Promise<Seen | Silent> {
  const agent = client();
  const patience = { timeout: PATIENCE_MS };
  try {
    await agent.connect(transport as Transport, patience);
    const tools: Tool[] = [];
    let cursor: string | undefined;
    do {
      const page = await agent.listTools(cursor === undefined ? {} : { cursor }, patience);
      tools.push(...page.tools);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const call = choose(tools);
    const answer = call && (await agent.callTool({ name: call.tool, arguments: {} }, undefined, patience).catch(fact));
    return { kind: "answered", tools, call, answer };
  } catch (error) {
    return { kind: "silent", why: (error as Error).message.split("\n")[0] ?? "" };
  } finally {
    await agent.close().catch(() => {});
  }
}

/** A JSON-RPC error is an answer too. */
const fact = (error: { code?: number; message: string }): object => ({ code: error.code, message: error.message });

function harmless(tools: readonly Tool[]): HarmlessCall | undefined {
  const found = tools.find(({ inputSchema }) => (inputSchema.required?.length ?? 0) > 0);
  return found && { tool: found.name };
}

export interface Fleet {
  readonly listensAfterMs: number;
  readonly readyAfterMs: number;
  /** Which were not ready after all that time, and why. */
  readonly unready: readonly string[];
  /** Asks a server at its own address, with the call that was made of it before. */
  ask(server: Installed, call: HarmlessCall | undefined): Promise<Seen | Silent>;
  /** How many tools the address of all lists, and what it hides. */
  all(): Promise<{ readonly tools: readonly Tool[]; readonly hidden: readonly string[] }>;
  close(): Promise<void>;
}

/** Starts the built gateway with all of them behind it, and waits until each is ready or has failed. */
export async function behindGateway(servers: readonly Installed[]): Promise<Fleet> {
  const upstreams = servers.map(({ upstream, command, args, env, cwd }) => ({
    ...{ name: upstream, transport: "stdio", command, args, env, cwd },
  }));
  const begun = Date.now();
  const toml = configToml(upstreams, { security: { rate_limit_per_minute: 0 } });
  const gateway = await startGateway({ toml });
  const listensAfterMs = Date.now() - begun;
  let unready: readonly string[] = [];
  const isReady = async (): Promise<boolean> => {
    const waited = (await gateway.status()).upstreams?.filter(({ state }) => !CONNECTED.has(state));
    unready = waited?.map(({ name, state, lastError }) => `${name} is ${state}: ${lastError}`) ?? ["no status"];
    return unready.length === 0;
  };
  await poll(isReady, { everyMs: 500, withinMs: PATIENCE_MS });
  const readyAfterMs = Date.now() - begun;
  const over = (url: string): StreamableHTTPClientTransport => new StreamableHTTPClientTransport(new URL(url));
  return {
    ...{ listensAfterMs, readyAfterMs, unready },
    ask: ({ upstream }, call) => ask(over(gateway.of(upstream)), () => call),
    async all() {
      const seen = await ask(over(gateway.url), () => undefined);
      const { hidden } = (await gateway.status()).catalog;
      if (seen.kind === "silent") throw new Error(seen.why);
      return { tools: seen.tools, hidden: hidden.map(entry => JSON.stringify(entry)) };
    },
    close: async () => void (await gateway.close()),
  };
}
