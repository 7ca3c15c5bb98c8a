import type { IncomingHttpHeaders } from "node:http";
import { methodOf } from "../core/methods.ts";
import type { Payload } from "../core/payload.ts";
import { withoutRootsNews } from "./capabilities.ts";
import { decodeHeader } from "./headers.ts";
import { isLogLevel } from "./methods.ts";
import { repeatedMeta } from "./repeated-meta.ts";
import { CODES, type WireError, wireError } from "./rpc-errors.ts";
import { isModern, META, MODERN_VERSIONS } from "./versions.ts";

/** What a modern request says of itself besides method and parameters. */
export interface ModernEnvelope {
  readonly version: string;
  readonly clientInfo: Payload | undefined;
  readonly capabilities: Payload;
  readonly logLevel: string | undefined;
}

type Check =
  | { readonly ok: true; readonly envelope: ModernEnvelope }
  | { readonly ok: false; readonly error: WireError; readonly status: number; readonly lacks?: true };

/** What parameters say in their `_meta` of the request that they belong to, before any header is looked at. */
export interface SaidInMeta {
  /** Whether it is meant for a modern revision. */
  readonly claims: boolean;
  /** As it was named, whether there is such a revision or not. */
  readonly version: string | undefined;
  /** What is missing or wrong. */
  readonly check: Check;
}

/** Reads the `_meta` of parameters; what the same text said before is not read again. */
export function metaReader(): (params: Payload | undefined) => SaidInMeta {
  const repeated = repeatedMeta<SaidInMeta>();
  return params => {
    if (!params) return SAYS_NOTHING;
    const known = repeated.find(params);
    if (known) return known;
    const meta = params.object("_meta");
    // Another one with each request.
    if (meta?.has("progressToken")) return saidInMeta(meta);
    // Of a copy: what is remembered must not keep the message that it came in.
    const said = saidInMeta(meta?.detached());
    repeated.keep(params, said);
    return said;
  };
}

/** The same for one that is read only once. */
export const saidIn = (params: Payload | undefined): SaidInMeta => saidInMeta(params?.object("_meta"));

function saidInMeta(meta: Payload | undefined): SaidInMeta {
  const version = meta?.string(META.protocolVersion);
  const claims = meta !== undefined && (meta.has(META.protocolVersion) || meta.has(META.clientCapabilities));
  return { claims, version, check: checkMeta(meta, version) };
}

function checkMeta(meta: Payload | undefined, version: string | undefined): Check {
  const capabilities = meta?.object(META.clientCapabilities);
  if (version === undefined || !meta || !capabilities) {
    const missing = version === undefined ? META.protocolVersion : META.clientCapabilities;
    const error = wireError(CODES.invalidParams, `params._meta lacks "${missing}"`);
    return { ok: false, error, status: 400, lacks: true };
  }
  if (!isModern(version)) return { ok: false, error: unsupported(version), status: 400 };
  const logLevel = meta.string(META.logLevel);
  const clientInfo = meta.object(META.clientInfo);
  if (!clientInfo && meta.has(META.clientInfo)) return refuse(CODES.invalidParams, "Malformed clientInfo in _meta");
  if (logLevel === undefined ? meta.has(META.logLevel) : !isLogLevel(logLevel)) {
    return refuse(CODES.invalidParams, "Unknown log level in _meta");
  }
  return { ok: true, envelope: { version, clientInfo, capabilities: withoutRootsNews(capabilities), logLevel } };
}

/** Whether a message claims to be of a modern revision, by its body or by its header. */
export const claimsModern = ({ claims }: SaidInMeta, header: string | undefined): boolean =>
  claims || (header !== undefined && isModern(header));

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
  { version, check }: SaidInMeta,
): Check {
  const header = headers?.["mcp-protocol-version"];
  if (headers && header === undefined) return refuse(CODES.headerMismatch, "Missing MCP-Protocol-Version header");
  if (version === undefined) return check;
  // Whoever names no capabilities is told so before its headers are compared.
  const isWhole = check.ok || check.lacks !== true;
  if (headers && isWhole && header !== version) return refuse(CODES.headerMismatch, versionMismatch(header, version));
  const mismatch = check.ok && headers && headerMismatch(request, headers);
  return mismatch ? refuse(CODES.headerMismatch, mismatch) : check;
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

const SAYS_NOTHING = saidIn(undefined);

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
