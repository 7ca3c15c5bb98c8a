import { describe, expect, test } from "vitest";
import * as z from "zod";
import { CONTROL_VERSION } from "../src/app/control/protocol.ts";
import { EXIT } from "../src/app/exit-codes.ts";
import { configSchema } from "../src/config/schema.ts";
import type { Call, Outcome } from "../src/core/call.ts";
import { ownerId, principal } from "../src/core/names.ts";
import { bringing, promised } from "../src/core/pass.fixture.ts";
import { Payload } from "../src/core/payload.ts";
import { Aborter } from "../src/core/signal.ts";
import { type Status, UPSTREAM_STATES, type UpstreamStatus } from "../src/core/status.ts";
import { audit } from "../src/guard/audit.ts";
import { createRedactor } from "../src/guard/redact.ts";
import { parameterHeaders } from "../src/wire/parameter-headers.ts";
import { CODES } from "../src/wire/rpc-errors.ts";
import { LEGACY_VERSIONS, META, MODERN_VERSIONS } from "../src/wire/versions.ts";
import { manualClock } from "./fixtures/manual-clock.ts";

/** Literals that others depend on. Something may be added here; what is here never changes. */
describe("never changes", () => {
  test("what an error code means", () => {
    expect(CODES).toMatchObject({
      parseError: -32700,
      invalidRequest: -32600,
      methodNotFound: -32601,
      invalidParams: -32602,
      internalError: -32603,
      headerMismatch: -32020,
      missingCapability: -32021,
      unsupportedVersion: -32022,
      upstreamUnavailable: -31001,
      upstreamTimeout: -31002,
      outcomeUnknown: -31003,
      rateLimited: -31004,
      overloaded: -31005,
      draining: -31006,
      upstreamProtocolError: -31007,
      responseTooLarge: -31008,
      upstreamAuthRequired: -31009,
      policyDenied: -31010,
      requestTooLarge: -31011,
    });
  });

  test("what an exit code means", () => {
    expect(EXIT).toEqual({
      ok: 0,
      error: 1,
      usage: 2,
      notRunning: 3,
      alreadyRunning: 4,
      badConfig: 5,
      degraded: 6,
      authentication: 7,
      timedOut: 8,
      disabled: 9,
      notTrusted: 10,
    });
  });

  test("which revisions are spoken, and what they call things", () => {
    expect(MODERN_VERSIONS).toContain("2026-07-28");
    expect(LEGACY_VERSIONS).toEqual(["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]);
    expect(META).toMatchObject({
      protocolVersion: "io.modelcontextprotocol/protocolVersion",
      clientInfo: "io.modelcontextprotocol/clientInfo",
      clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
      logLevel: "io.modelcontextprotocol/logLevel",
      serverInfo: "io.modelcontextprotocol/serverInfo",
      subscriptionId: "io.modelcontextprotocol/subscriptionId",
    });
    const inputSchema = { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" } } };
    const params = Payload.of({ arguments: { region: "é" } });
    expect(parameterHeaders(Payload.of({ inputSchema }), params)).toEqual({ "mcp-param-region": "=?base64?w6k=?=" });
  });

  test("a key of the configuration", () => {
    expect(keysOf(z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as Schema)).toEqual(
      expect.arrayContaining(KEYS),
    );
  });

  test("the states of an upstream", () => {
    expect(UPSTREAM_STATES).toEqual(
      expect.arrayContaining([
        "connecting",
        "ready",
        "degraded",
        "ejected",
        "probing",
        "down",
        "auth_required",
        "rate_limited",
        "crashlooping",
        "disabled",
      ]),
    );
  });

  test("the fields of the status", () => {
    expect(STATUS_FIELDS).toHaveLength(new Set(STATUS_FIELDS).size);
    expect(UPSTREAM_FIELDS).toHaveLength(new Set(UPSTREAM_FIELDS).size);
  });

  test("the keys of a line in the request log", async () => {
    const lines: string[] = [];
    const layer = audit({
      ...{
        log: { write: line => void lines.push(line), ready: true },
        redactor: createRedactor([]),
        clock: manualClock(),
      },
      ...{ logRequests: true, logResponses: true, maxBytes: 100, blocks: false },
    });
    await promised(layer(bringing((): Outcome => ({ kind: "done", result: Payload.of({}) }))))(aCall());
    await promised(layer(bringing((): Outcome => ({ kind: "failed", failure: { kind: "overloaded" } }))))(aCall());
    layer.flush();
    const keys = new Set(lines.flatMap(line => Object.keys(JSON.parse(line) as object)));
    expect([...keys]).toEqual(
      expect.arrayContaining([
        ...["ts", "mono", "event", "agent", "principal", "method", "target", "attempts", "outcome", "reason", "ms"],
        ...["request", "response", "bytesIn", "bytesOut"],
      ]),
    );
  });

  test("the version of the control protocol, without a word in the change log", () => {
    expect(CONTROL_VERSION).toBe(1);
  });
});

/** The compiler refuses a field that does not exist any more. */
const STATUS_FIELDS = [
  ...["schema", "running", "pid", "version", "startedAt", "uptimeMs", "url", "urls", "config", "health"],
  ...["upstreams", "catalog", "log", "pending"],
] as const satisfies readonly (keyof Status)[];
const UPSTREAM_FIELDS = [
  ...["name", "transport", "protocolVersion", "state", "since", "priority", "group", "tools", "prompts", "resources"],
  ...["inFlight", "calls", "failures", "lastError"],
] as const satisfies readonly (keyof UpstreamStatus)[];

const aCall = (): Call => ({
  caller: {
    principal: principal("p"),
    agent: "a/1",
    owner: ownerId("o"),
    capabilities: Payload.of({}),
    converses: false,
  },
  view: { kind: "all" },
  method: "tools/call",
  target: "t",
  subject: undefined,
  params: Payload.of({ name: "t" }),
  continues: undefined,
  signal: new Aborter().signal,
  logLevel: undefined,
  notify() {},
});

const KEYS = [
  ...["enable", "port", "host", "transport", "max_connections", "allowed_hosts", "allowed_origins"],
  ...["conflict_strategy", "naming", "max_name_length", "load_balancing"],
  ...[
    "log_requests",
    "log_responses",
    "log_max_bytes",
    "log_on_failure",
    "redact_patterns",
    "rate_limit_per_minute",
  ].map(key => `security.${key}`),
  ...["name", "transport", "priority", "health_check_interval", "group", "tools", "timeout"].map(
    key => `upstreams.${key}`,
  ),
  ...[
    "trust_annotations",
    "safe_to_retry",
    "tool_timeouts",
    "command",
    "args",
    "env",
    "inherit_env",
    "cwd",
    "isolation",
  ].map(key => `upstreams.${key}`),
  ...["url", "headers", "auth"].map(key => `upstreams.${key}`),
  ...["auth_type", "token_url", "client_id", "client_secret", "scope", "audience"].map(key => `upstreams.auth.${key}`),
];

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** Every key that the file may hold, with dots between tables. */
function keysOf(schema: Schema, path = ""): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => [
    path + key,
    ...keysOf(inner, `${path}${key}.`),
  ]);
  const inner = [...(schema.items ? [schema.items] : []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [...own, ...inner.flatMap(one => keysOf(one, path))];
}
