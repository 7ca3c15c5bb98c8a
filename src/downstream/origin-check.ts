import { BlockList, isIP } from "node:net";
import type { Inbound } from "./inbound.ts";

/** What the address line, Host, Origin and Sec-Fetch-Site may say. */
export interface DoorRules {
  /** The configured listening address. */
  readonly host: string;
  /** Further host names; one without a port goes with every port, one with the port of a scheme also with none. */
  readonly allowedHosts: readonly string[];
  /** Further web origins. */
  readonly allowedOrigins: readonly string[];
}

/**
 * Gives the reason for a refusal, or `undefined`. `anyHost`: for what holds no secret and starts nothing, and is asked
 * for under names that nobody can list.
 */
export type Door = (request: Pick<Inbound, "url" | "headers" | "rawHeaders">, anyHost: boolean) => string | undefined;

/**
 * Keeps web pages and rebound names out. Nothing is remembered of requests that came in: each is judged by itself.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security--endpoint
 */
export function createDoor({ host, allowedHosts, allowedOrigins }: DoorRules): Door {
  const names = new Set([host, ...allowedHosts].flatMap(name => asInHeaders(bracketed(name.toLowerCase()))));
  const origins = new Set(allowedOrigins.map(plainOrigin));

  const hostAllowed = (value: string): boolean => {
    const { name, port } = split(value.toLowerCase());
    return isLoopback(name) || names.has(name) || names.has(`${name}:${port}`);
  };
  const originAllowed = (value: string): boolean => {
    const origin = value.toLowerCase();
    const web = /^https?:\/\/([^/]*)$/.exec(origin)?.[1] ?? "";
    return isLoopback(split(web).name) || origins.has(origin);
  };

  return (request, anyHost) => {
    const { headers, rawHeaders, url } = request;
    if (!url?.startsWith("/")) return "the request target must be a path";
    if (count(rawHeaders, "host") > 1 || count(rawHeaders, "origin") > 1) return "a header is given twice";
    if (!anyHost && (headers.host === undefined || !hostAllowed(headers.host))) {
      return `Host "${headers.host ?? ""}" is not allowed; add it to allowed_hosts if it is yours`;
    }
    const { origin } = headers;
    if (origin !== undefined) {
      if (originAllowed(origin)) return undefined;
      return `Origin "${origin}" is not allowed; add it to allowed_origins if it is yours`;
    }
    // What a page loads without asking, such as an image, comes without an origin.
    if (String(headers["sec-fetch-site"] ?? "").includes("cross-site")) {
      return "requests from other web sites are not allowed";
    }
    return undefined;
  };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");
/** The names that agents use, which need no closer look. */
const USUAL: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Whether a host name or an address can only mean this machine, so that nobody can have rebound it. The names below
 * `localhost` never leave a machine: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
 */
function isLoopback(name: string): boolean {
  if (USUAL.has(name)) return true;
  if (/^([\w-]+\.)*localhost\.?$/.test(name)) return true;
  const inside = /^\[([\da-f:.]+)\]$/.exec(name)?.[1];
  if (inside !== undefined) return isIP(inside) === 6 && LOOPBACK.check(inside, "ipv6");
  return isIP(name) === 4 && LOOPBACK.check(name, "ipv4");
}

/** A host and its port; an IPv6 address keeps its brackets. */
function split(host: string): { readonly name: string; readonly port: string } {
  const colon = /:\d*$/.exec(host);
  if (!colon) return { name: host, port: "" };
  return { name: host.slice(0, colon.index), port: host.slice(colon.index + 1) };
}

/** As it stands in a Host header. */
const bracketed = (name: string): string => (isIP(name) === 6 ? `[${name}]` : name);

/** With the port that a client may leave out, and without it as `hostAllowed` spells that. */
const asInHeaders = (name: string): readonly string[] => [name, name.replace(/:(80|443)$/, ":")];

/** As browsers write it. */
const plainOrigin = (origin: string): string =>
  origin
    .toLowerCase()
    .replace(/\/$/, "")
    .replace(/^(http:\/\/.+):80$|^(https:\/\/.+):443$/, "$1$2");

function count(rawHeaders: readonly string[], name: string): number {
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at] as string;
    if (header.length === name.length && header.toLowerCase() === name) found++;
  }
  return found;
}
