import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from "@modelcontextprotocol/client";
import { StdioClientTransport as ModernStdio } from "@modelcontextprotocol/client/stdio";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as LegacyStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as LegacyHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { poll } from "../../fixtures/poll.ts";
import type { Json } from "../../fixtures/upstream/contract.ts";
import type { AgentEra } from "./ways.ts";

/** Where an agent connects: a server itself, or an endpoint of the gateway. */
export type Place =
  | { readonly url: string }
  | { readonly command: string; readonly args: readonly string[]; readonly cwd: string };

/** What the agent was asked and told, in the order in which it came. */
export interface Heard {
  readonly asked: Json[];
  readonly logs: Json[];
  readonly progress: Json[];
  readonly updated: string[];
  listChanges: number;
}

/** A real SDK's client. Its methods reject with what the SDK throws. */
export interface FleetAgent {
  readonly name: string;
  readonly heard: Heard;
  /** Whether log lines may come beside the answer of their call, and after it. */
  readonly tellsBeside: boolean;
  call(name: string, args?: Json, options?: CallOptions): Promise<Json>;
  listTools(): Promise<readonly Json[]>;
  listResources(): Promise<readonly Json[]>;
  listTemplates(): Promise<readonly Json[]>;
  listPrompts(): Promise<readonly Json[]>;
  read(uri: string): Promise<Json>;
  prompt(name: string, args: Record<string, string>): Promise<Json>;
  complete(prompt: string, argument: string, value: string): Promise<Json>;
  /** From now on it hears of changed tools and of this resource. */
  watch(uri: string): Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  /** Whether progress is asked for. */
  readonly progress?: true;
  /** The least severe log level that is wanted for this call and, in a session, from now on. */
  readonly logLevel?: "info";
}

const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
const MODERN = "2026-07-28";
/** What takes longer has failed: a server answers within milliseconds, but the gateway may have to start it first. */
const PATIENCE_MS = 30_000;
const PATIENCE = { timeout: PATIENCE_MS };
/** A child's start on a busy machine, and what the gateway needs to find out whom it speaks with. */
export const START_MS = 60_000;

const info = (name: string) => ({ name, version: "1.0.0" });
const silence = (): Heard => ({ asked: [], logs: [], progress: [], updated: [], listChanges: 0 });
const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? {})) as Json;

/** What an agent of this name says to each question. */
const answers = (name: string) => ({
  elicitation: { action: "accept" as const, content: { name } },
  sampling: {
    role: "assistant" as const,
    model: "none",
    stopReason: "endTurn",
    content: { type: "text" as const, text: `${name} says so` },
  },
  roots: { roots: [{ uri: `file:///home/${name}`, name }] },
});

/** Resolves once the stream of the session has been answered, whatever the answer: before, news may be lost. */
function watchedFetch(): { fetch: typeof fetch; answered(): boolean } {
  let answered = false;
  return {
    answered: () => answered,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if ((init?.method ?? "GET") === "GET") answered = true;
      return response;
    },
  };
}

/** Both major versions of the client have these methods; only the types of their answers differ. */
const common = (client: ModernClient) => ({
  listTools: async () => (await client.listTools({}, PATIENCE)).tools.map(plain),
  listResources: async () => (await client.listResources({}, PATIENCE)).resources.map(plain),
  listTemplates: async () => (await client.listResourceTemplates({}, PATIENCE)).resourceTemplates.map(plain),
  listPrompts: async () => (await client.listPrompts({}, PATIENCE)).prompts.map(plain),
  read: async (uri: string) => plain(await client.readResource({ uri }, PATIENCE)),
  prompt: async (prompt: string, args: Record<string, string>) =>
    plain(await client.getPrompt({ name: prompt, arguments: args }, PATIENCE)),
  complete: async (prompt: string, argument: string, value: string) => {
    const ref = { type: "ref/prompt" as const, name: prompt };
    return plain(await client.complete({ ref, argument: { name: argument, value } }, PATIENCE));
  },
  close: () => client.close(),
});

const listening = ({ progress }: CallOptions) => ({ ...PATIENCE, ...(progress && { onprogress: () => {} }) });

/** Clients drop progress that they read together with its answer; what has arrived counts. */
function hearProgress(client: LegacyClient | ModernClient, heard: Heard): void {
  const { transport } = client;
  const deliver = transport?.onmessage as ((...args: unknown[]) => void) | undefined;
  if (!transport || !deliver) throw new Error("unreachable: the client is connected");
  transport.onmessage = (...args: unknown[]) => {
    const { method, params } = args[0] as { method?: string; params?: Json };
    const { progressToken, ...progress } = params ?? {};
    if (method === "notifications/progress") heard.progress.push(progress);
    deliver(...args);
  };
}

/** A client of SDK v1, which knows sessions only. */
async function legacy(name: string, place: Place): Promise<FleetAgent> {
  const client = new LegacyClient(info(name), { capabilities: CAPABILITIES });
  const heard = silence();
  const said = answers(name);
  const asked = <T>({ method, params }: { method: string; params?: object | undefined }, answer: T): T => {
    heard.asked.push(plain({ method, params }));
    return answer;
  };
  client.setRequestHandler(ElicitRequestSchema, question => asked(question, said.elicitation));
  client.setRequestHandler(CreateMessageRequestSchema, question => asked(question, said.sampling));
  client.setRequestHandler(ListRootsRequestSchema, question => asked(question, said.roots));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.logs.push(plain(params)));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.updated.push(params.uri));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.listChanges++);
  if ("url" in place) {
    const { fetch, answered } = watchedFetch();
    const transport = new LegacyHttp(new URL(place.url), { fetch }) as Transport;
    await client.connect(transport, { timeout: START_MS });
    await poll(answered, { withinMs: PATIENCE_MS, everyMs: 5 });
  } else {
    await client.connect(new LegacyStdio({ ...place, args: [...place.args], stderr: "ignore" }), { timeout: START_MS });
  }
  hearProgress(client, heard);
  return {
    ...common(client as unknown as ModernClient),
    name,
    heard,
    tellsBeside: true,
    async call(tool, args = {}, options = {}) {
      if (options.logLevel) await client.setLoggingLevel(options.logLevel, PATIENCE);
      return plain(await client.callTool({ name: tool, arguments: args }, undefined, listening(options)));
    },
    watch: async uri => void (await client.subscribeResource({ uri }, PATIENCE)),
  };
}

/** A client of SDK v2, which insists on the modern revision. */
async function modern(name: string, place: Place): Promise<FleetAgent> {
  const versionNegotiation = { mode: { pin: MODERN }, probe: { timeoutMs: START_MS } };
  const client = new ModernClient(info(name), { capabilities: CAPABILITIES, versionNegotiation });
  const heard = silence();
  const said = answers(name);
  const asked = <T>({ method, params }: { method: string; params?: object | undefined }, answer: T): T => {
    heard.asked.push(plain({ method, params }));
    return answer;
  };
  client.setRequestHandler("elicitation/create", question => asked(question, said.elicitation));
  client.setRequestHandler("sampling/createMessage", question => asked(question, said.sampling));
  client.setRequestHandler("roots/list", question => asked(question, said.roots));
  client.setNotificationHandler("notifications/message", ({ params }) => void heard.logs.push(plain(params)));
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.updated.push(params.uri));
  client.setNotificationHandler("notifications/tools/list_changed", () => void heard.listChanges++);
  const transport =
    "url" in place
      ? new ModernHttp(new URL(place.url))
      : new ModernStdio({ ...place, args: [...place.args], stderr: "ignore" });
  await client.connect(transport, { timeout: START_MS });
  hearProgress(client, heard);
  return {
    ...common(client),
    name,
    heard,
    tellsBeside: false,
    async call(tool, args = {}, options = {}) {
      const { logLevel } = options;
      const meta = logLevel && { _meta: { "io.modelcontextprotocol/logLevel": logLevel } };
      return plain(await client.callTool({ name: tool, arguments: args, ...meta }, listening(options)));
    },
    watch: async uri => void (await client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] }, PATIENCE)),
  };
}

/** The agents, by their era. */
export const AGENTS = { legacy, modern } as const satisfies Record<
  AgentEra,
  (name: string, place: Place) => Promise<FleetAgent>
>;
