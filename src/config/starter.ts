// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written in the file.
/** The file that `init` writes: every setting with its meaning and default, generated from the schema. */
import { stringify } from "smol-toml";
import type { UpstreamTransport } from "./behind.ts";
import { inputSchema, type SchemaNode } from "./json-schema.ts";
import { configSchema, securitySchema, UPSTREAM_SCHEMAS } from "./schema.ts";

const WIDTH = 100;
/** Settings that the starter sets; the others stand there switched off, with their defaults. */
const ACTIVE = new Set(["enable", "port", "transport"]);
const TABLES = new Set(["security", "upstreams"]);

/** What to show of settings without a default: what they amount to, or an example. */
const INSTEAD: Readonly<Record<string, unknown>> = {
  other_requests_per_minute: 6000,
  tools: ["read_file", "list_directory"],
};

interface Example {
  readonly title: string;
  readonly transport: UpstreamTransport;
  readonly values: Readonly<Record<string, unknown>>;
  /** Which further settings to show, with their defaults. */
  readonly also: readonly string[];
}

const EXAMPLES: readonly Example[] = [
  {
    title: "A program on this machine.",
    transport: "stdio",
    values: {
      name: "files",
      transport: "stdio",
      command: "npx",
      args: ["-y", "@modelcontextprotocol/server-filesystem", "."],
    },
    also: ["env", "inherit_env", "tools", "isolation", "priority"],
  },
  {
    title: "A server that speaks Streamable HTTP.",
    transport: "http",
    values: {
      name: "search",
      transport: "http",
      url: "http://localhost:8080/mcp",
      headers: { "X-Api-Key": "${SEARCH_KEY:-none}" },
    },
    also: ["allow_plain_http", "priority", "health_check_interval", "trust_annotations", "safe_to_retry"],
  },
  {
    title: "A server that speaks HTTP+SSE, with OAuth client credentials.",
    transport: "sse",
    values: {
      name: "tickets",
      transport: "sse",
      url: "https://tickets.example.com/sse",
      auth: {
        auth_type: "oauth",
        token_url: "https://login.example.com/token",
        client_id: "radium",
        client_secret: "${TICKETS_SECRET:-none}",
      },
    },
    also: [],
  },
];

/** Commented, without an active upstream; loads without a problem. */
export function starterFile(): string {
  return [
    "#:schema ./mcp-proxy.schema.json",
    "",
    ...prose(
      "Configuration of Radium MCP Proxy. A line that begins with # and no space is a setting that is switched off: remove the # to use it. Text may hold ${VAR} or ${VAR:-default}. Check this file with: rad mcp proxy validate",
    ),
    "",
    "[mcp.proxy]",
    ...settings(inputSchema(configSchema)),
    "[mcp.proxy.security]",
    ...settings(inputSchema(securitySchema)),
    ...prose("The MCP servers behind the proxy: one block for each, as many as you like. Three examples follow."),
    "",
    ...EXAMPLES.flatMap(example),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

function settings(schema: SchemaNode): readonly string[] {
  return Object.entries(schema.properties ?? {})
    .filter(([key]) => !TABLES.has(key))
    .flatMap(([key, node]) => [
      ...prose(node.description ?? ""),
      `${ACTIVE.has(key) ? "" : "#"}${assignment(key, node.default ?? INSTEAD[key])}`,
      "",
    ]);
}

function example({ title, transport, values, also }: Example): readonly string[] {
  const nodes = inputSchema(UPSTREAM_SCHEMAS[transport]).properties ?? {};
  const shown = { ...values, ...Object.fromEntries(also.map(key => [key, nodes[key]?.default ?? INSTEAD[key]])) };
  return [
    ...prose(title),
    "#[[mcp.proxy.upstreams]]",
    ...Object.entries(shown).flatMap(([key, value]) => [
      ...prose(nodes[key]?.description ?? ""),
      `#${assignment(key, value)}`,
    ]),
    "",
  ];
}

/** On one line: a table becomes an inline table. */
export function assignment(key: string, value: unknown): string {
  return `${key} = ${inline(value)}`;
}

/** A value in TOML, on one line. */
export function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return stringify({ value }).trim().slice("value = ".length);
  const pairs = Object.entries(value).map(([key, inner]) => assignment(key, inner));
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

function prose(text: string): readonly string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
