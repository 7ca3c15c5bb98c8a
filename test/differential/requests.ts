import { classifyInboundRequest, type InboundClassificationOutcome } from "@modelcontextprotocol/server";
import fc from "fast-check";
import { asObject, type Json } from "../fixtures/upstream/contract.ts";

/** One POST in every way that a client may get it wrong. */
export interface Posting {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json;
}

const META = "io.modelcontextprotocol/";
const maybe = <T>(...values: T[]) => fc.constantFrom<T | undefined>(undefined, ...values);
/** The one that most can come of is the most frequent. */
const VERSIONS = [
  "2026-07-28",
  "2026-07-28",
  "2026-07-28",
  "2025-11-25",
  "2025-06-18",
  "2024-11-05",
  "2031-01-01",
  "x",
] as const;

/** Members that are `undefined` are left out. */
const present = (members: Json): Json =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

const envelope = fc
  .record({
    version: maybe<unknown>(...VERSIONS, 7),
    capabilities: maybe<unknown>({}, { sampling: {} }),
    info: maybe<unknown>({ name: "oracle", version: "1" }, { name: "oracle", version: "1" }, 7),
    level: maybe<unknown>("info", "info", "info", "loud", 7),
  })
  .map(({ version, capabilities, info, level }) =>
    present({
      [`${META}protocolVersion`]: version,
      [`${META}clientCapabilities`]: capabilities,
      [`${META}clientInfo`]: info,
      [`${META}logLevel`]: level,
    }),
  );

const CALLS = [
  { method: "tools/call", params: { name: "count", arguments: {} }, name: "count" },
  { method: "tools/list", params: {}, name: undefined },
  { method: "resources/read", params: { uri: "test://static-text" }, name: "test://static-text" },
  { method: "no/such", params: {}, name: undefined },
  { method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {} }, name: undefined },
] as const;

export const posting: fc.Arbitrary<Posting> = fc
  .record({
    call: fc.constantFrom(...CALLS),
    meta: fc.option(envelope, { nil: undefined }),
    version: maybe<string>(...VERSIONS),
    method: fc.constantFrom("same", "same", "same", "absent", "other", "UPPER"),
    name: fc.constantFrom("same", "same", "same", "absent", "other"),
  })
  .map(({ call, meta, version, method, name }) => {
    const mcpMethod = { same: call.method, absent: undefined, other: "tools/list", UPPER: call.method.toUpperCase() };
    const mcpName = { same: call.name, absent: undefined, other: "another" };
    const params = { ...call.params, ...(meta && { _meta: meta }) };
    const clientInfo = call.method === "initialize" ? { clientInfo: { name: "oracle", version: "1" } } : {};
    return {
      headers: present({
        "mcp-protocol-version": version,
        "mcp-method": mcpMethod[method as keyof typeof mcpMethod],
        "mcp-name": mcpName[name as keyof typeof mcpName],
      }) as Record<string, string>,
      body: {
        jsonrpc: "2.0",
        id: 1,
        method: call.method,
        params: { ...params, ...clientInfo },
      },
    };
  });

/** What becomes of a request: 400, a new session, or an answer of the newest revision. */
export type Verdict = "refused" | "session" | "answered";

const NAMED: Readonly<Record<string, string>> = { "tools/call": "name", "resources/read": "uri" };

/** Whether the headers repeat the body; the SDK looks at them after it has classified the request. */
function repeats({ headers, body }: Posting): boolean {
  const params = asObject(body.params);
  const name = NAMED[String(body.method)];
  return (
    headers["mcp-protocol-version"] === "2026-07-28" &&
    asObject(params._meta)[`${META}protocolVersion`] === "2026-07-28" &&
    headers["mcp-method"] === body.method &&
    (name === undefined || headers["mcp-name"] === params[name])
  );
}

function classify({ headers, body }: Posting): InboundClassificationOutcome {
  const { "mcp-protocol-version": version, "mcp-method": method, "mcp-name": name } = headers;
  return classifyInboundRequest({
    httpMethod: "POST",
    body,
    ...(version !== undefined && { protocolVersionHeader: version }),
    ...(method !== undefined && { mcpMethodHeader: method }),
    ...(name !== undefined && { mcpNameHeader: name }),
  });
}

/** What the SDK would do with it where no session exists. */
function sdkVerdict(posting: Posting): Verdict {
  const outcome = classify(posting);
  if (outcome.kind === "legacy") return outcome.reason === "initialize" ? "session" : "refused";
  return outcome.kind === "modern" && repeats(posting) ? "answered" : "refused";
}

const ENVELOPE = [`${META}protocolVersion`, `${META}clientCapabilities`] as const;

/** Which members of a modern envelope a handshake carries beside its own. */
function twofold({ body }: Posting): readonly string[] {
  if (body.method !== "initialize") return [];
  const meta = asObject(asObject(body.params)._meta);
  return ENVELOPE.filter(key => Object.hasOwn(meta, key));
}

/** Whether what a modern envelope may have besides is right where it is there. */
function isWellFormed({ body }: Posting): boolean {
  const meta = asObject(asObject(body.params)._meta);
  const { [`${META}clientInfo`]: info = {}, [`${META}logLevel`]: level = "info" } = meta;
  return typeof info === "object" && level === "info";
}

/**
 * What the gateway makes of it. It differs from the SDK in one case: for a handshake that also carries members of a
 * modern envelope the SDK opens a session. The gateway holds such a request to what it claims to be: with the whole
 * envelope it is a modern request for a method that there is not, otherwise it is refused.
 */
export function expectedVerdict(posting: Posting): Verdict {
  const claimed = twofold(posting).length;
  if (claimed === 0) return sdkVerdict(posting);
  return claimed === ENVELOPE.length && repeats(posting) && isWellFormed(posting) ? "answered" : "refused";
}
