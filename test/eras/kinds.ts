import type { Json } from "../fixtures/upstream/contract.ts";

/** One row of the matrix. */
export interface AgentKind {
  readonly name: string;
  readonly revision: string;
  readonly transport: "stdio" | "sse" | "http";
  readonly capabilities: Json;
}

const OLD: Json = { sampling: {}, roots: { listChanged: true } };
const agent = (transport: AgentKind["transport"], revision: string, capabilities: Json): AgentKind => ({
  name: `${revision} over ${{ stdio: "stdio", sse: "HTTP+SSE", http: "Streamable HTTP" }[transport]}`,
  revision,
  transport,
  capabilities,
});

export const AGENTS: readonly AgentKind[] = [
  agent("sse", "2024-11-05", OLD),
  agent("http", "2025-03-26", OLD),
  agent("http", "2025-06-18", { ...OLD, elicitation: {} }),
  agent("http", "2025-11-25", { ...OLD, elicitation: { form: {}, url: {} } }),
  agent("http", "2026-07-28", { sampling: {}, roots: {}, elicitation: { form: {}, url: {} } }),
  agent("stdio", "2025-11-25", { ...OLD, elicitation: { form: {}, url: {} } }),
  agent("stdio", "2026-07-28", { sampling: {}, roots: {}, elicitation: { form: {}, url: {} } }),
];

/** One column of the matrix. */
export interface UpstreamKind {
  /** Its name in the configuration, and the scheme of its resources. */
  readonly name: string;
  readonly revision: string;
  readonly transport: "stdio" | "sse" | "http";
  /** One child for all agents, whose questions therefore belong to nobody. */
  readonly shared: boolean;
}

const upstream = (transport: UpstreamKind["transport"], revision: string, shared = false): UpstreamKind => ({
  name: `${shared ? "shared" : transport}-${revision.slice(2, 4)}${revision.slice(5, 7)}`,
  revision,
  transport,
  shared,
});

export const UPSTREAMS: readonly UpstreamKind[] = [
  upstream("sse", "2024-11-05"),
  upstream("http", "2025-03-26"),
  upstream("http", "2025-06-18"),
  upstream("http", "2025-11-25"),
  upstream("http", "2026-07-28"),
  upstream("stdio", "2024-11-05"),
  upstream("stdio", "2025-03-26"),
  upstream("stdio", "2025-06-18"),
  upstream("stdio", "2025-11-25"),
  upstream("stdio", "2026-07-28"),
  upstream("stdio", "2025-11-25", true),
];

export const isModern = ({ revision }: { readonly revision: string }): boolean => revision >= "2026";
