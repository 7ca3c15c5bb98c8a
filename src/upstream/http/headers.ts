import type { TokenSource } from "./credentials.ts";

/** What the protocol sets itself, and what belongs to one connection only. */
const RESERVED =
  /^(accept|accept-encoding|connection|content-(encoding|length|type)|expect|keep-alive|last-event-id|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

/** The configured headers that are sent with every request; those that the transport owns are left out. */
export function staticHeaders(
  configured: Readonly<Record<string, string>>,
  credentials: TokenSource | undefined,
): readonly string[] {
  const headers = ["accept-encoding", "identity"];
  for (const [name, value] of Object.entries(configured)) {
    const replaced = credentials !== undefined && name.toLowerCase() === "authorization";
    if (!RESERVED.test(name) && !replaced) headers.push(name, value);
  }
  return headers;
}

/** What a POST of a message says of itself and of the answers it takes. */
export const POST_HEADERS = ["content-type", "application/json", "accept", "application/json, text/event-stream"];
export const GET_HEADERS = ["accept", "text/event-stream"];

export function withSession(headers: readonly string[], session: string | undefined): readonly string[] {
  return session === undefined ? headers : [...headers, "mcp-session-id", session];
}
