import type { IncomingHttpHeaders } from "node:http";
import { Payload } from "../core/payload.ts";
import type { AgentEra, UpstreamEra } from "./era.ts";
import { decodeHeader, encodeHeader } from "./headers.ts";
import { LIST_METHODS } from "./methods.ts";
import { parameterHeaders } from "./parameter-headers.ts";
import { CODES, type WireError, wireError } from "./rpc-errors.ts";
import { isModern, META, MODERN_VERSIONS } from "./versions.ts";

/** The name that a request's `Mcp-Name` header repeats. */
const NAMED: ReadonlyMap<string, "name" | "uri"> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
]);

/** Our identity towards upstreams, which never learn who the agent is. */
export interface Identity {
  readonly name: string;
  readonly version: string;
}

const EMPTY_OBJECT = "{}";

/** Every request carries its revision, who sends it and what it can do; HTTP repeats part of it in headers. */
export function modernUpstream(identity: Identity): UpstreamEra {
  const clientInfo = JSON.stringify(identity);
  return {
    name: "modern",
    probe: "server/discover",
    setsLogLevel: false,
    headers: version => ({ "mcp-protocol-version": version }),
    request(request, version) {
      const meta = (request.params.object("_meta") ?? EMPTY).with({
        [META.protocolVersion]: JSON.stringify(version),
        [META.clientInfo]: clientInfo,
        [META.clientCapabilities]: EMPTY_OBJECT,
        [META.logLevel]: request.logLevel && JSON.stringify(request.logLevel),
        progressToken: request.progressToken?.toString(),
      });
      const headers: Record<string, string> = { "mcp-protocol-version": version, "mcp-method": request.method };
      const member = NAMED.get(request.method);
      const name = member && request.params.string(member);
      if (name !== undefined) headers["mcp-name"] = encodeHeader(name);
      if (request.definition) Object.assign(headers, parameterHeaders(request.definition, request.params));
      return { params: request.params.with({ _meta: meta.bytes }), headers };
    },
    asks: result => result.string("resultType") === "input_required",
  };
}

const EMPTY = Payload.of({});
const COMPLETE = '"complete"';
const CACHEABLE = new Set([...LIST_METHODS.keys(), "resources/read"]);

/** Results say what they are; lists and reads say for how long they may be kept. */
export const modernAgent: AgentEra = {
  name: "modern",
  logsUnasked: false,
  result: (result, { method }) => stamp(result, CACHEABLE.has(method)),
  asks: (questions, ticket) =>
    Payload.of({ resultType: "input_required" }).with({
      inputRequests: questions.isEmpty ? undefined : questions.bytes,
      requestState: ticket === "" ? undefined : JSON.stringify(ticket),
    }),
  definition: definition => definition,
  list: result => stamp(result, true),
  status: code => STATUS.get(code) ?? 200,
};

const STATUS: ReadonlyMap<number, number> = new Map([
  [CODES.methodNotFound, 404],
  [CODES.headerMismatch, 400],
  [CODES.missingCapability, 400],
  [CODES.unsupportedVersion, 400],
  [CODES.invalidRequest, 400],
  [CODES.parseError, 400],
]);

function stamp(result: Payload, cacheable: boolean): Payload {
  const hints = cacheable
    ? { ...(!result.has("ttlMs") && { ttlMs: "0" }), ...(!result.has("cacheScope") && { cacheScope: '"private"' }) }
    : {};
  const type = result.has("resultType") ? {} : { resultType: COMPLETE };
  const changes = { ...type, ...hints };
  return Object.keys(changes).length > 0 ? result.with(changes) : result;
}

/** What a modern request says of itself besides method and parameters. */
export interface ModernEnvelope {
  readonly version: string;
  readonly clientInfo: Payload | undefined;
  readonly capabilities: Payload;
  readonly logLevel: string | undefined;
}

/** Whether a message claims to be of a modern revision, by its body or by its header. */
export function claimsModern(params: Payload | undefined, header: string | undefined): boolean {
  const meta = params?.object("_meta");
  return Boolean(meta?.has(META.protocolVersion) || meta?.has(META.clientCapabilities) || (header && isModern(header)));
}

type Check =
  | { readonly ok: true; readonly envelope: ModernEnvelope }
  | { readonly ok: false; readonly error: WireError; readonly status: number };
const refuse = (code: number, message: string, data?: object): Check => ({
  ok: false,
  error: wireError(code, message, data),
  status: 400,
});

/**
 * The checks that a modern request must pass before anything is done with it. `headers` is `undefined` on transports
 * that have none. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
 */
export function checkModern(
  request: { method: string; params: Payload | undefined },
  headers: IncomingHttpHeaders | undefined,
): Check {
  const meta = request.params?.object("_meta");
  const version = meta?.string(META.protocolVersion);
  const header = headers?.["mcp-protocol-version"];
  if (headers && header === undefined) return refuse(CODES.headerMismatch, "Missing MCP-Protocol-Version header");
  const capabilities = meta?.object(META.clientCapabilities);
  if (version === undefined || !meta || !capabilities) {
    const missing = version === undefined ? META.protocolVersion : META.clientCapabilities;
    return refuse(CODES.invalidParams, `params._meta lacks "${missing}"`);
  }
  if (headers && header !== version) {
    return refuse(CODES.headerMismatch, `MCP-Protocol-Version header '${header}' does not match _meta '${version}'`);
  }
  if (!isModern(version)) {
    return refuse(CODES.unsupportedVersion, "Unsupported protocol version", {
      supported: MODERN_VERSIONS,
      requested: version,
    });
  }
  const mismatch = headers && headerMismatch(request, headers);
  if (mismatch) return refuse(CODES.headerMismatch, mismatch);
  const logLevel = meta.string(META.logLevel);
  return { ok: true, envelope: { version, clientInfo: meta.object(META.clientInfo), capabilities, logLevel } };
}

function headerMismatch(
  request: { method: string; params: Payload | undefined },
  headers: IncomingHttpHeaders,
): string | undefined {
  const method = headers["mcp-method"];
  if (typeof method !== "string") return "Missing Mcp-Method header";
  if (method.trim() !== request.method) return `Mcp-Method header '${method}' does not match '${request.method}'`;
  const member = NAMED.get(request.method);
  if (!member) return undefined;
  const name = headers["mcp-name"];
  if (typeof name !== "string") return "Missing Mcp-Name header";
  const decoded = decodeHeader(name);
  if (decoded === undefined) return "Mcp-Name header is not valid base64";
  return decoded === request.params?.string(member) ? undefined : `Mcp-Name header does not match params.${member}`;
}

/** Answer to `server/discover`. https://modelcontextprotocol.io/specification/2026-07-28/server/discover */
export function discoverResult(profile: {
  capabilities: Payload;
  instructions: string | undefined;
  serverInfo: Payload;
}): Payload {
  return Payload.of({ resultType: "complete", supportedVersions: MODERN_VERSIONS }).with({
    capabilities: profile.capabilities.bytes,
    instructions: profile.instructions === undefined ? undefined : JSON.stringify(profile.instructions),
    ttlMs: "0",
    cacheScope: '"private"',
    _meta: `{"${META.serverInfo}":${profile.serverInfo.bytes.toString()}}`,
  });
}
