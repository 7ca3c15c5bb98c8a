import type { IncomingHttpHeaders } from "node:http";
import type { CacheHint } from "../core/catalog.ts";
import { methodOf } from "../core/methods.ts";
import { Payload } from "../core/payload.ts";
import { withoutRootsNews } from "./capabilities.ts";
import type { AgentEra, Asking, Input, Objection, UpstreamEra } from "./era.ts";
import { decodeHeader, encodeHeader } from "./headers.ts";
import { isLogLevel } from "./methods.ts";
import { parameterHeaders } from "./parameter-headers.ts";
import { missingCapability } from "./questions.ts";
import { CODES, type WireError, wireError } from "./rpc-errors.ts";
import { isModern, META, MODERN_VERSIONS } from "./versions.ts";

/** Our identity towards upstreams, which never learn who the agent is. */
export interface Identity {
  readonly name: string;
  readonly version: string;
}

/** Every request carries its revision, who sends it and what it can do; HTTP repeats part of it in headers. */
export function modernUpstream(identity: Identity): UpstreamEra {
  const clientInfo = JSON.stringify(identity);
  return {
    name: "modern",
    probe: "server/discover",
    emptyCursorEnds: false,
    setsLogLevel: false,
    headers: version => ({ "mcp-protocol-version": version }),
    request(request, version) {
      const meta = (request.params.object("_meta") ?? EMPTY).with({
        [META.protocolVersion]: JSON.stringify(version),
        [META.clientInfo]: clientInfo,
        [META.clientCapabilities]: request.capabilities.bytes,
        [META.logLevel]: request.logLevel && JSON.stringify(request.logLevel),
        progressToken: request.progressToken?.toString(),
      });
      const headers: Record<string, string> = { "mcp-protocol-version": version, "mcp-method": request.method };
      const member = methodOf(request.method).header;
      const name = member && request.params.string(member);
      if (name !== undefined) headers["mcp-name"] = encodeHeader(name);
      if (request.definition) Object.assign(headers, parameterHeaders(request.definition, request.params));
      return {
        params: request.params.with(
          request.input ? { ...inputOf(request.input), _meta: meta.bytes } : { _meta: meta.bytes },
        ),
        headers,
      };
    },
    declaresAtOpening: false,
    cancelsByMessage: false,
    asks: askingIn,
    demands: () => undefined,
    declined: () => undefined,
    knows: result => !result.has("resultType") || RESULT_TYPES.has(result.string("resultType") ?? ""),
    objection: error => OBJECTIONS.get(error.raw("code")?.toString("latin1") ?? ""),
  };
}

const EMPTY = Payload.of({});
/**
 * https://modelcontextprotocol.io/specification/2026-07-28/basic#result-type, and that of the tasks extension. A result
 * that asks is none, or asks for nothing that could be answered.
 */
const RESULT_TYPES: ReadonlySet<string> = new Set(["complete", "task"]);
/** Errors that concern us and the upstream, not the agent: it could do nothing about them. */
const OBJECTIONS: ReadonlyMap<string, Objection> = new Map([
  [String(CODES.headerMismatch), "headers"],
  [String(CODES.unsupportedVersion), "version"],
]);

/** Questions, a state or both. https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr */
function askingIn(result: Payload): Asking | undefined {
  if (result.string("resultType") !== "input_required") return undefined;
  const questions = result.has("inputRequests") ? result.object("inputRequests") : EMPTY;
  const state = result.string("requestState");
  if (!questions || (state === undefined && (result.has("requestState") || questions.isEmpty))) return undefined;
  return [...questions.keys()].every(key => questions.object(key)?.string("method")) ? { questions, state } : undefined;
}

/** https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#client-requirements-basic-workflow */
function inputOf(input: Input | undefined): Record<string, Buffer | string | undefined> {
  if (!input) return {};
  return {
    inputResponses: input.answers.isEmpty ? undefined : input.answers.bytes,
    requestState: input.state === undefined ? undefined : JSON.stringify(input.state),
  };
}

const COMPLETE = '"complete"';

/** Results say what they are; lists and reads say for how long they may be kept. */
export const modernAgent: AgentEra = {
  name: "modern",
  logsUnasked: false,
  emptyCursorBegins: false,
  result: (result, { method }) => stamp(result, methodOf(method).cacheable),
  asks: (questions, ticket) =>
    Payload.of({ resultType: "input_required" }).with({
      inputRequests: questions.isEmpty ? undefined : withoutElicitationIds(questions).bytes,
      requestState: ticket === "" ? undefined : JSON.stringify(ticket),
    }),
  lacks: (_method, { required, error }) => ({ kind: "error", error: error ?? missingCapability(required) }),
  definition: definition => definition,
  list: (result, { ttlMs, cacheScope }) =>
    stamp(result.with({ ttlMs: String(ttlMs), cacheScope: JSON.stringify(cacheScope) }), true),
  error(error) {
    const code = REPLACED.get(error.code);
    return code === undefined ? error : { ...error, code, error: error.error.with({ code: String(code) }) };
  },
  tasks: true,
  status: code => STATUS.get(code) ?? 200,
};

/** These revisions have no ids for elicitations, and nothing that would tell of one. */
function withoutElicitationIds(questions: Payload): Payload {
  const changed = [...questions.keys()].flatMap(key => {
    const params = questions.object(key)?.object("params");
    if (!params?.has("elicitationId") || params.string("mode") !== "url") return [];
    const plain = params.with({ elicitationId: undefined });
    return [[key, questions.object(key)?.with({ params: plain.bytes }).bytes] as const];
  });
  return changed.length === 0 ? questions : questions.with(Object.fromEntries(changed));
}

/**
 * Codes that must not reach an agent of these revisions: "resource not found", "URL elicitation required", and from
 * upstreams what an agent would take for the gateway's word about its own headers and revision.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
 */
const REPLACED: ReadonlyMap<number, number> = new Map([
  [-32002, CODES.invalidParams],
  [-32042, CODES.internalError],
  [CODES.headerMismatch, CODES.internalError],
  [CODES.unsupportedVersion, CODES.internalError],
]);

const STATUS: ReadonlyMap<number, number> = new Map([
  [CODES.methodNotFound, 404],
  [CODES.headerMismatch, 400],
  [CODES.missingCapability, 400],
  [CODES.unsupportedVersion, 400],
  [CODES.invalidRequest, 400],
  [CODES.parseError, 400],
]);

function stamp(result: Payload, cacheable: boolean): Payload {
  const type = result.has("resultType") ? undefined : COMPLETE;
  const ttl = cacheable && !result.has("ttlMs") ? "0" : undefined;
  const scope = cacheable && !result.has("cacheScope") ? '"private"' : undefined;
  if (!type && !ttl && !scope) return result;
  return result.with({
    ...(type && { resultType: type }),
    ...(ttl && { ttlMs: ttl }),
    ...(scope && { cacheScope: scope }),
  });
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
    return refuse(CODES.headerMismatch, versionMismatch(header, version));
  }
  if (!isModern(version)) {
    return { ok: false, error: unsupported(version), status: 400 };
  }
  const logLevel = meta.string(META.logLevel);
  const clientInfo = meta.object(META.clientInfo);
  if (!clientInfo && meta.has(META.clientInfo)) return refuse(CODES.invalidParams, "Malformed clientInfo in _meta");
  if (logLevel === undefined ? meta.has(META.logLevel) : !isLogLevel(logLevel)) {
    return refuse(CODES.invalidParams, "Unknown log level in _meta");
  }
  const mismatch = headers && headerMismatch(request, headers);
  if (mismatch) return refuse(CODES.headerMismatch, mismatch);
  return { ok: true, envelope: { version, clientInfo, capabilities: withoutRootsNews(capabilities), logLevel } };
}

/**
 * Why a notification is not accepted, if it is not. It may lack what a request must have; what it has must not contradict
 * itself. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#sending-messages
 */
export function objectionTo(
  notification: { method: string; params: Payload | undefined },
  headers: IncomingHttpHeaders,
): WireError | undefined {
  const meta = notification.params?.object("_meta");
  const header = headers["mcp-protocol-version"] as string | undefined;
  const method = headers["mcp-method"];
  const version = meta?.has(META.protocolVersion) ? meta.string(META.protocolVersion) : header;
  if (version === undefined) return wireError(CODES.invalidParams, `params._meta lacks "${META.protocolVersion}"`);
  if (header !== undefined && header !== version) {
    return wireError(CODES.headerMismatch, versionMismatch(header, version));
  }
  if (!isModern(version)) return unsupported(version);
  if (method === undefined || method === notification.method) return undefined;
  return wireError(CODES.headerMismatch, `Mcp-Method header '${method}' does not match '${notification.method}'`);
}

const versionMismatch = (header: unknown, version: string): string =>
  `MCP-Protocol-Version header '${header}' does not match _meta '${version}'`;

const unsupported = (requested: string): WireError =>
  wireError(CODES.unsupportedVersion, "Unsupported protocol version", { supported: MODERN_VERSIONS, requested });

function headerMismatch(
  request: { method: string; params: Payload | undefined },
  headers: IncomingHttpHeaders,
): string | undefined {
  const method = headers["mcp-method"];
  if (typeof method !== "string") return "Missing Mcp-Method header";
  if (method.trim() !== request.method) return `Mcp-Method header '${method}' does not match '${request.method}'`;
  const member = methodOf(request.method).header;
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
  hint: CacheHint;
}): Payload {
  return Payload.of({ resultType: "complete", supportedVersions: MODERN_VERSIONS }).with({
    capabilities: profile.capabilities.bytes,
    instructions: profile.instructions === undefined ? undefined : JSON.stringify(profile.instructions),
    ttlMs: String(profile.hint.ttlMs),
    cacheScope: JSON.stringify(profile.hint.cacheScope),
    _meta: `{"${META.serverInfo}":${profile.serverInfo.bytes.toString()}}`,
  });
}
