import type { Flavour } from "./flavours.ts";

type Json = Readonly<Record<string, unknown>>;

/** A response and the HTTP status that goes with it; nothing to answer for notifications. */
export type Answer =
  | { readonly status: number; readonly body: object }
  | { readonly status: 202; readonly body: undefined };

export interface Server {
  readonly name: string;
  readonly flavour: Flavour;
}

class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;
  readonly status: number;

  constructor(code: number, message: string, more: { readonly data?: unknown; readonly status?: number } = {}) {
    super(message);
    this.code = code;
    this.data = more.data;
    this.status = more.status ?? 200;
  }
}

const HANDSHAKE_VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const STATELESS_VERSIONS = ["2026-07-28"];
const META = "io.modelcontextprotocol/";
const CAPABILITIES = { tools: {}, prompts: {}, resources: {} };

const asObject = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

type Method = (server: Server, params: Json) => object;

const METHODS: Readonly<Record<string, Method>> = {
  "tools/list": ({ flavour }) => ({ tools: flavour.tools }),
  "prompts/list": ({ flavour }) => ({ prompts: flavour.prompts }),
  "resources/list": ({ flavour }) => ({ resources: flavour.resources }),
  "resources/templates/list": ({ flavour }) => ({ resourceTemplates: flavour.templates }),
  "tools/call": ({ name, flavour }, params) => {
    const tool = flavour.tools.find(candidate => candidate.name === params.name);
    if (!tool) throw new RpcError(-32602, `Unknown tool: ${String(params.name)}`);
    try {
      return { content: [{ type: "text", text: `${tool.run(asObject(params.arguments))}\n(answered by ${name})` }] };
    } catch (error) {
      return { content: [{ type: "text", text: String((error as Error).message) }], isError: true };
    }
  },
  "prompts/get": ({ flavour }, params) => {
    const prompt = flavour.prompts.find(candidate => candidate.name === params.name);
    if (!prompt) throw new RpcError(-32602, `Unknown prompt: ${String(params.name)}`);
    return { messages: [{ role: "user", content: { type: "text", text: prompt.run(asObject(params.arguments)) } }] };
  },
  "resources/read": ({ flavour }, params) => {
    const uri = String(params.uri);
    const fixed = flavour.resources.find(resource => resource.uri === uri);
    const found = fixed ? fixed.read() : flavour.templates.map(template => template.read(uri)).find(Boolean);
    if (found === undefined) throw new RpcError(-32602, "Resource not found", { data: { uri } });
    return { contents: [{ uri, mimeType: "text/plain", text: found }] };
  },
};

/** Revisions with a handshake, which this server answers without keeping a session. */
const HANDSHAKE_METHODS: Readonly<Record<string, Method>> = {
  ...METHODS,
  ping: () => ({}),
  initialize: ({ name, flavour }, params) => ({
    protocolVersion: HANDSHAKE_VERSIONS.find(version => version === params.protocolVersion) ?? HANDSHAKE_VERSIONS[0],
    capabilities: CAPABILITIES,
    serverInfo: { name, version: "1.0.0" },
    instructions: flavour.instructions,
  }),
};

/** https://modelcontextprotocol.io/specification/2026-07-28/basic */
const STATELESS_METHODS: Readonly<Record<string, Method>> = {
  ...METHODS,
  "server/discover": ({ flavour }) => ({
    supportedVersions: STATELESS_VERSIONS,
    capabilities: CAPABILITIES,
    instructions: flavour.instructions,
  }),
};
const CACHEABLE = /^(?:server\/discover|resources\/read|.*\/list)$/;

function stateless(server: Server, method: string, params: Json): object {
  const meta = asObject(params._meta);
  const requested = meta[`${META}protocolVersion`];
  if (!requested || !meta[`${META}clientCapabilities`]) {
    throw new RpcError(-32602, "Missing required _meta fields", { status: 400 });
  }
  if (!STATELESS_VERSIONS.includes(String(requested))) {
    const data = { supported: STATELESS_VERSIONS, requested };
    throw new RpcError(-32022, "Unsupported protocol version", { data, status: 400 });
  }
  return {
    resultType: "complete",
    ...dispatch(STATELESS_METHODS, server, { method, params }),
    ...(CACHEABLE.test(method) && { ttlMs: 0, cacheScope: "public" }),
    _meta: { [`${META}serverInfo`]: { name: server.name, version: "1.0.0" } },
  };
}

function dispatch(table: Readonly<Record<string, Method>>, server: Server, { method, params }: Asked): object {
  const run = Object.hasOwn(table, method) ? table[method] : undefined;
  if (!run) throw new RpcError(-32601, "Method not found", { status: table === STATELESS_METHODS ? 404 : 200 });
  return run(server, params);
}

interface Asked {
  readonly method: string;
  readonly params: Json;
}

/** Answers one JSON-RPC message of any revision. */
export function answer(server: Server, text: string): Answer {
  let message: Json;
  try {
    message = asObject(JSON.parse(text));
  } catch {
    return { status: 400, body: failure(null, new RpcError(-32700, "Parse error")) };
  }
  const { id, method, params } = message;
  if (id === undefined || typeof method !== "string") return { status: 202, body: undefined };
  const asked = { method, params: asObject(params) };
  try {
    const perRequest = method === "server/discover" || asObject(asked.params._meta)[`${META}protocolVersion`];
    const result = perRequest ? stateless(server, method, asked.params) : dispatch(HANDSHAKE_METHODS, server, asked);
    return { status: 200, body: { jsonrpc: "2.0", id, result } };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return { status: error.status, body: failure(id, error) };
  }
}

function failure(id: unknown, { code, message, data }: RpcError): object {
  return { jsonrpc: "2.0", id, error: { code, message, ...(data !== undefined && { data }) } };
}
