/**
 * The one place that knows the configuration: each key's shape, default and description. The starter file, the
 * reference page and the JSON Schema for editors are generated from it. Keys are spelled as in the file.
 */
import * as z from "zod";
import { BALANCING, type BalancingName, balancingWords } from "../core/balance.ts";
import type { UpstreamTransport } from "./behind.ts";
import { holdsCredentials } from "./unsent.ts";

/** Timers cannot wait longer than 2^31 - 1 ms; a longer wait would fire at once. */
const MAX_TIMER_SECONDS = 2_147_483;

/** Of a text that may have to be put together in one piece. */
const MAX_RESULT_BYTES = 512 * 1024 * 1024;

const PORT_RANGE = "must be from 1 to 65535";

/** The three strategies, and the spellings of files written for the original. */
export const CONFLICT_SPELLINGS = {
  auto_prefix: "auto_prefix",
  reject: "reject",
  priority_override: "priority_override",
  autoprefix: "auto_prefix",
  priorityoverride: "priority_override",
  AutoPrefix: "auto_prefix",
  Reject: "reject",
  PriorityOverride: "priority_override",
} as const;
export type ConflictSpelling = keyof typeof CONFLICT_SPELLINGS;

const webUrl = () => z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" });
const text = () => z.string().min(1, "must not be empty");
const texts = () => z.array(z.string());
const seconds = () => z.number().positive().max(MAX_TIMER_SECONDS);
const concurrency = (calls: number) =>
  z
    .int()
    .positive()
    .default(calls)
    .describe(
      "Calls that run there at once (`stdio`: in one child, default 32); as many more wait, for 3 s at most where a " +
        "replica may take them.",
    );

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "is not a valid header name");
const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "must not hold line breaks, control characters or characters beyond Latin-1");

export const authSchema = z.strictObject({
  auth_type: z.literal("oauth").describe("The kind of credentials. `oauth`: client credentials grant."),
  token_url: webUrl()
    .refine(url => !holdsCredentials(url), "must not hold credentials: `client_id` and `client_secret` are sent")
    .describe("Where tokens are requested."),
  client_id: text().describe("Client id at the authorization server."),
  client_secret: text().describe(`Client secret; write "\${VAR}" to keep it out of the file.`),
  scope: z.string().optional().describe("Scopes to ask for, separated by spaces."),
  audience: z.string().optional().describe("Audience to ask for, where the authorization server wants one."),
});

/** Limits of single messages. The channels of every transport get them all (`src/upstream/channel/message-limits.ts`). */
export const MESSAGE_LIMITS = {
  max_result_bytes: z
    .int()
    .positive()
    .max(MAX_RESULT_BYTES)
    .default(64 * 1024 * 1024)
    .describe(
      "Largest answer, or other message, of this upstream. A larger one is skipped and ends only its own call.",
    ),
};

const common = {
  name: text()
    .regex(/^[^:/]*$/, 'must not contain ":" or "/"')
    .describe("Unique name: lower-case letters, digits and `-`, beginning with a letter, at most 32 long."),
  priority: z.int().positive().default(1).describe("Lower number = higher priority; equals share the load."),
  health_check_interval: z
    .int()
    .positive()
    .transform(value => Math.min(value, MAX_TIMER_SECONDS))
    .prefault(30)
    .describe("Seconds between health checks."),
  group: text().optional().describe("Upstreams of the same group are replicas of each other."),
  tools: texts().optional().describe("Only these tools of this upstream are used, by their own names. Left out: all."),
  prompts: texts()
    .optional()
    .describe("Only these prompts of this upstream are used, by their own names. Left out: all."),
  resources: texts()
    .optional()
    .describe(
      "Only these resources of this upstream are listed and read, by their URIs, and those that fit a template that is " +
        "used. Where it is given, a URI that only a result names is not read, and a template that reaches a listed " +
        "resource beyond these is used only if `templates` names it. Left out: all.",
    ),
  templates: texts()
    .optional()
    .describe(
      "Only these resource templates of this upstream are used, as it writes them. Where it is given, a URI that is in no " +
        "list is read only if it fits one of them. Left out: all.",
    ),
  trust_annotations: z
    .boolean()
    .default(false)
    .describe("Believe this upstream's read-only and idempotent hints, so that such a call may be sent again."),
  safe_to_retry: texts().default([]).describe("Tools that may be sent again when it is unknown whether they ran."),
  start_timeout: seconds()
    .default(120)
    .describe(
      "Seconds from its start to the end of its handshake; launchers such as `npx` and `docker run` download first.",
    ),
  timeout: seconds()
    .optional()
    .describe(
      "Seconds that one call may take, all attempts at it together; each progress notification restarts them. " +
        "Left out: a tool may take as long as its agent waits, a read, a prompt and a completion 60.",
    ),
  tool_timeouts: z
    .record(z.string(), seconds())
    .default({})
    .describe("Seconds for calls of single tools, by their own names, instead of `timeout`."),
  max_timeout: seconds()
    .optional()
    .describe("Seconds after which a call is ended even if it makes progress. Left out: none."),
  attempt_timeout: seconds()
    .default(30)
    .describe(
      "Seconds of silence after which a call that may run twice is sent to another replica too; the first answer counts.",
    ),
  ...MESSAGE_LIMITS,
};

const protocol = z
  .enum(["auto", "legacy", "modern"])
  .default("auto")
  .describe(
    "The era that is spoken there (docs/eras.md); not for `sse`, which has one only. `auto`: whichever it speaks, found out " +
      "once and remembered.",
  );

const remote = {
  url: webUrl().describe(
    "Address of the server's MCP endpoint; credentials in it (`https://user:password@host/mcp`) are sent as Basic.",
  ),
  max_concurrency: concurrency(256),
  headers: z
    .record(headerName, headerValue)
    .default({})
    .describe(
      "Headers that are sent with every request; `Host`, `User-Agent`, `Accept` and `Cookie` may be among them.",
    ),
  auth: authSchema.optional().describe("Credentials for this upstream."),
  allow_plain_http: z
    .boolean()
    .default(false)
    .describe(
      "Send credentials (headers, `auth`, those in URLs) over `http://` to another machine, where all on the way may read " +
        "them. Without it such an upstream is not connected.",
    ),
  insecure_skip_verify: z
    .boolean()
    .default(false)
    .describe("Connect to `url` whatever certificate is shown there. Nothing else turns verification off."),
};

const stdioSchema = z.strictObject({
  ...common,
  transport: z.literal("stdio").describe("A child process that speaks MCP on its standard input and output."),
  command: text().describe("Program to run, found on PATH or relative to the folder that holds `.radium/`."),
  args: texts().default([]).describe("Its arguments; no shell is involved."),
  env: z.record(z.string(), z.string()).default({}).describe("Environment variables for the child."),
  inherit_env: texts().default([]).describe("Names of further variables that the child gets from our environment."),
  max_concurrency: concurrency(32),
  protocol,
  cwd: text().optional().describe("Working directory of the child; default: the folder that holds `.radium/`."),
  user: text()
    .optional()
    .describe(
      "User that the child runs as, with that user's group, home and no other groups; `user:group` for another group, names " +
        "or numbers. For a gateway that runs as root.",
    ),
  isolation: z
    .enum(["shared", "per_agent", "auto"])
    .default("auto")
    .describe(
      "`auto`: agents that can be asked for the same things share a child, and one that comes while it works for " +
        "another gets its own. `shared`: one child for all agents; it cannot ask them anything. `per_agent`: one child " +
        "for each agent.",
    ),
});
const sseSchema = z.strictObject({
  ...common,
  transport: z.literal("sse").describe("A server that speaks HTTP+SSE (protocol revision 2024-11-05)."),
  ...remote,
});
const httpSchema = z.strictObject({
  ...common,
  transport: z.literal("http").describe("A server that speaks Streamable HTTP, any protocol revision."),
  protocol,
  ...remote,
});

/** The shape of an upstream for each transport. */
export const UPSTREAM_SCHEMAS = { stdio: stdioSchema, sse: sseSchema, http: httpSchema } satisfies Record<
  UpstreamTransport,
  z.ZodObject
>;
type UpstreamSchema = (typeof UPSTREAM_SCHEMAS)[UpstreamTransport];

export const securitySchema = z.strictObject({
  log_requests: z.boolean().default(true).describe("Log incoming requests (redacted)."),
  log_responses: z.boolean().default(true).describe("Log the answers (redacted)."),
  log_max_bytes: z.int().nonnegative().default(2048).describe("Logged bytes of a body; then size and (≤ 64 KiB) hash."),
  log_on_failure: z
    .enum(["drop", "block"])
    .default("drop")
    .describe(
      "When the log cannot be written, such as on a full disk. `drop`: calls go on, lines are kept in memory up to 8 MiB " +
        "and beyond that counted. `block`: calls are refused (-31005), so that none goes unlogged.",
    ),
  redact_patterns: texts()
    .default(["api[_-]?key", "password", "token"])
    .describe(
      "Regular expressions (RE2 syntax, case-insensitive) of what must not reach the log, beside the built-in ones.",
    ),
  rate_limit_per_minute: z
    .int()
    .nonnegative()
    .default(60)
    .describe("Calls per minute, per agent and tool; 0 = no limit."),
  other_requests_per_minute: z
    .int()
    .nonnegative()
    .optional()
    .describe(
      "Requests per minute of one agent that are no tool calls (lists, reads, prompts, completions, subscriptions), and " +
        "sessions that one address may open; 0 = no limit. Left out: a hundred times `rate_limit_per_minute`.",
    ),
});

export const configSchema = z.strictObject({
  enable: z.boolean().default(true).describe("`false` makes `start` refuse."),
  watch: z
    .enum(["all", "safe", "off"])
    .default("safe")
    .describe(
      "What a running gateway applies by itself when the file changes. `safe`: what starts nothing, reaches no new place and " +
        "loosens nothing; the rest waits for `rad mcp proxy reload` or SIGHUP. `all`: everything. `off`: nothing.",
    ),
  port: z.int().min(1, PORT_RANGE).max(65535, PORT_RANGE).default(3000).describe("Where agents connect."),
  host: text().default("127.0.0.1").describe("Address to listen on."),
  transport: z
    .enum(["auto", "http", "sse"])
    .default("auto")
    .describe("`http`: Streamable HTTP. `sse`: HTTP+SSE of 2024-11-05. `auto`: both on one port."),
  max_connections: z.int().positive().default(10000).describe("Concurrent connections of agents."),
  allowed_hosts: texts()
    .default([])
    .describe("Host names that requests may carry, beside the loopback ones; without a port they go with every port."),
  allowed_origins: texts()
    .default([])
    .describe("Web origins whose pages may send requests and read the answers, beside the loopback ones."),
  conflict_strategy: z
    .enum(Object.keys(CONFLICT_SPELLINGS) as [ConflictSpelling, ...ConflictSpelling[]], {
      error: 'must be "auto_prefix", "reject" or "priority_override"',
    })
    .transform(spelling => CONFLICT_SPELLINGS[spelling])
    .prefault("auto_prefix")
    .describe(
      "When upstreams offer different tools of the same name. `auto_prefix`: each is listed with its upstream's name in front. " +
        "`reject`: the first in the file keeps the name. `priority_override`: the best priority keeps the name.",
    ),
  naming: z
    .enum(["auto", "always", "never"])
    .default("auto")
    .describe(
      "`auto`: prefix on conflict. `always`: prefix every tool. `never`: the first in the file keeps the name.",
    ),
  load_balancing: z
    .enum(Object.keys(BALANCING) as [BalancingName, ...BalancingName[]])
    .default("round_robin")
    .describe(`Which of several equal upstreams serves a call. ${balancingWords}`),
  max_name_length: z.int().min(16).max(128).default(46).describe("Longest tool name that agents see."),
  security: securitySchema.prefault({}).describe("Limits, logging and redaction."),
  upstreams: z
    .array(z.discriminatedUnion("transport", Object.values(UPSTREAM_SCHEMAS) as [UpstreamSchema, ...UpstreamSchema[]]))
    .default([])
    .describe("The MCP servers behind the proxy."),
});

/** The contents of `[mcp.proxy]`, with every default filled in. */
export type Config = z.infer<typeof configSchema>;
/** One `[[mcp.proxy.upstreams]]`, by `transport`. */
export type UpstreamConfig = Config["upstreams"][number];
