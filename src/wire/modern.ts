import type { CacheHint } from "../core/catalog.ts";
import { methodOf } from "../core/methods.ts";
import { Payload } from "../core/payload.ts";
import type { AgentEra, Asking, Input, Objection, UpstreamEra, UpstreamRequest } from "./era.ts";
import { encodeHeader } from "./headers.ts";
import { parameterHeaders } from "./parameter-headers.ts";
import { missingCapability } from "./questions.ts";
import { repeatedMeta } from "./repeated-meta.ts";
import { CODES } from "./rpc-errors.ts";
import { META, MODERN_VERSIONS } from "./versions.ts";

/** Our identity towards upstreams, which never learn who the agent is. */
export interface Identity {
  readonly name: string;
  readonly version: string;
}

/** Every request carries its revision, who sends it and what it can do; HTTP repeats part of it in headers. */
export function modernUpstream(identity: Identity): UpstreamEra {
  const clientInfo = JSON.stringify(identity);
  const repeated = repeatedMeta<StampedMeta>();

  /** What the request says of itself, in place of what the agent said of itself. */
  function metaOf(request: UpstreamRequest, version: string): Buffer {
    const { params, capabilities, logLevel, progressToken } = request;
    const known = progressToken === undefined ? repeated.find(params) : undefined;
    if (known && known.version === version && known.logLevel === logLevel && isSame(known.capabilities, capabilities))
      return known.bytes;
    const { bytes } = (params.object("_meta") ?? EMPTY).with({
      [META.protocolVersion]: JSON.stringify(version),
      [META.clientInfo]: clientInfo,
      [META.clientCapabilities]: capabilities.bytes,
      [META.logLevel]: logLevel && JSON.stringify(logLevel),
      progressToken: progressToken?.toString(),
    });
    if (progressToken === undefined) {
      repeated.keep(params, { version, logLevel, capabilities: capabilities.detached(), bytes });
    }
    return bytes;
  }

  return {
    name: "modern",
    probe: "server/discover",
    emptyCursorEnds: false,
    setsLogLevel: false,
    headers: version => ({ "mcp-protocol-version": version }),
    request(request, version) {
      const meta = metaOf(request, version);
      const headers: Record<string, string> = { "mcp-protocol-version": version, "mcp-method": request.method };
      const member = methodOf(request.method).header;
      const name = member && request.params.string(member);
      if (name !== undefined) headers["mcp-name"] = encodeHeader(name);
      if (request.definition) Object.assign(headers, parameterHeaders(request.definition, request.params));
      return {
        params: request.params.with(request.input ? { ...inputOf(request.input), _meta: meta } : { _meta: meta }),
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

/** What was made of the `_meta` of an agent's request, and for what. */
interface StampedMeta extends Pick<UpstreamRequest, "capabilities" | "logLevel"> {
  readonly version: string;
  readonly bytes: Buffer;
}

const isSame = (one: Payload, other: Payload): boolean => one === other || one.bytes.equals(other.bytes);
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
