/** What hostile upstreams say when they are good: as little as a server can. */
export interface Asked {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly arguments?: { readonly from?: number; readonly to?: number } };
}

const TOOL = { name: "hostile", description: "Says what it was told not to", inputSchema: { type: "object" } };
const RESULTS: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: "2024-11-05",
    capabilities: { tools: { listChanged: true }, logging: {} },
    serverInfo: { name: "hostile", version: "1.0.0" },
  },
  "tools/list": { tools: [TOOL] },
  "tools/call": { content: [{ type: "text", text: "honest" }] },
  ping: {},
};

/** The honest answer to a request; `undefined` to anything else. */
export function honestAnswer({ id, method = "" }: Asked): string | undefined {
  if (id === undefined || method === "") return undefined;
  const result = RESULTS[method];
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    ...(result ? { result } : { error: { code: -32601, message: "Method not found" } }),
  });
}
