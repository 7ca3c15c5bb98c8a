import type { IncomingMessage } from "node:http";

/** What the address line, Host, Origin and Sec-Fetch-Site may say. */
export interface DoorRules {
  readonly port: number;
  /** The configured listening address. */
  readonly host: string;
  /** Further host names, with or without a port. */
  readonly allowedHosts: readonly string[];
  /** Further web origins, as browsers write them. */
  readonly allowedOrigins: readonly string[];
}

export type Door = (request: IncomingMessage) => string | undefined;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
/** How many header values that were let in are remembered. */
const REMEMBERED = 256;

/**
 * Keeps web pages and rebound names out. The returned function gives the reason for a refusal, or `undefined`.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security--endpoint
 */
export function createDoor(rules: DoorRules): Door {
  const { port, host, allowedHosts, allowedOrigins } = rules;
  const own = host.includes(":") ? `[${host}]` : host;
  const names = new Set([...[...LOOPBACK, own].flatMap(name => [`${name}:${port}`, ...(port === 80 ? [name] : [])])]);
  for (const allowed of allowedHosts) names.add(allowed.toLowerCase());
  const origins = new Set(allowedOrigins.map(origin => origin.toLowerCase()));
  const known = new Set<string>();

  const hostAllowed = (value: string): boolean => {
    const name = value.toLowerCase();
    return names.has(name) || names.has(name.replace(/:\d+$/, ""));
  };

  return request => {
    const { headers, rawHeaders, url } = request;
    if (!url?.startsWith("/")) return "the request target must be a path";
    const origin = headers.origin;
    const key = `${headers.host}\n${origin ?? ""}\n${headers["sec-fetch-site"] ?? ""}`;
    if (count(rawHeaders, "host") > 1 || count(rawHeaders, "origin") > 1) return "a header is given twice";
    if (known.has(key)) return undefined;
    if (headers.host === undefined || !hostAllowed(headers.host)) {
      return `Host "${headers.host ?? ""}" is not allowed; add it to allowed_hosts if it is yours`;
    }
    if (origin !== undefined && !isLoopbackOrigin(origin) && !origins.has(origin.toLowerCase())) {
      return `Origin "${origin}" is not allowed; add it to allowed_origins if it is yours`;
    }
    if (headers["sec-fetch-site"] === "cross-site" && !origins.has(origin?.toLowerCase() ?? "")) {
      return "requests from other web sites are not allowed";
    }
    if (known.size < REMEMBERED) known.add(key);
    return undefined;
  };
}

const isLoopbackOrigin = (origin: string): boolean =>
  /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(origin.toLowerCase());

function count(rawHeaders: readonly string[], name: string): number {
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at];
    if (header?.length === name.length && header.toLowerCase() === name) found++;
  }
  return found;
}
