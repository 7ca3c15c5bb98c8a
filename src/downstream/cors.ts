import type { Inbound } from "./inbound.ts";
import type { Outbound } from "./outbound.ts";

/** What pages may read of an answer beside its body. */
const EXPOSED = "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, Allow";
const METHODS = "GET, POST, DELETE";
/** Of every revision; `Mcp-Param-…` and what a page adds of its own are repeated from what it asks for. */
const HEADERS = [
  ...["Content-Type", "Accept", "Authorization", "MCP-Protocol-Version", "Mcp-Session-Id", "Last-Event-ID"],
  ...["Mcp-Method", "Mcp-Name", "traceparent", "tracestate", "baggage"],
];
const KNOWN: ReadonlySet<string> = new Set(HEADERS.map(name => name.toLowerCase()));
const HEADER_LIST = /^[!#$%&'*+.^_`|~\w-]+(?:\s*,\s*[!#$%&'*+.^_`|~\w-]+)*$/;
/** As long as browsers keep it. */
const MAX_AGE_SECONDS = "7200";

/**
 * Lets the page that a request comes from read the answer, whatever it will be. `origin` is one that the door lets in.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function openTo(origin: string, response: Outbound): void {
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", EXPOSED);
  response.setHeader("vary", "Origin");
}

/** Whether a browser asks what it may send, on behalf of a page. */
export const isPreflight = ({ method, headers }: Inbound): boolean =>
  method === "OPTIONS" && headers.origin !== undefined && headers["access-control-request-method"] !== undefined;

/** Answers a preflight of an origin that the door lets in: the same for every address, so that pages see a 404 as one. */
export function answerPreflight({ headers }: Inbound, response: Outbound): void {
  const wanted = headers["access-control-request-headers"] ?? "";
  const others = HEADER_LIST.test(wanted) ? wanted.split(/\s*,\s*/).filter(name => !KNOWN.has(name.toLowerCase())) : [];
  const isPrivate = headers["access-control-request-private-network"] === "true";
  response.writeHead(204, {
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": [...HEADERS, ...others].join(", "),
    "access-control-max-age": MAX_AGE_SECONDS,
    ...(isPrivate && { "access-control-allow-private-network": "true" }),
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
  });
  response.end();
}
