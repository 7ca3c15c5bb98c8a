import type { View } from "../core/call.ts";
import { upstreamName } from "../core/names.ts";

/** What an address of the port is for. */
export type Place =
  | { readonly kind: "mcp"; readonly view: View }
  /** Where the stream of HTTP+SSE is opened, and where its messages go. */
  | { readonly kind: "stream" | "messages" }
  | { readonly kind: "health"; readonly asks: "lives" | "ready" }
  | { readonly kind: "nowhere" };

const ALL: Place = { kind: "mcp", view: { kind: "all" } };
const NOWHERE: Place = { kind: "nowhere" };
const MESSAGES: Place = { kind: "messages" };
const PLACES: ReadonlyMap<string, Place> = new Map<string, Place>([
  ["/mcp", ALL],
  ["/", ALL],
  ["/sse", { kind: "stream" }],
  ["/messages", MESSAGES],
  ["/healthz", { kind: "health", asks: "lives" }],
  ["/readyz", { kind: "health", asks: "ready" }],
]);
/** Where the reference in an `endpoint` event leads, by the ways in which clients resolve it. */
const BESIDE_STREAM: ReadonlySet<string> = new Set(["/", "/sse"]);

/**
 * The path of a request target, without the slashes that people write and nobody means. It is served in place: a redirect
 * loses bodies and credentials.
 */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (!path.endsWith("/") && !path.includes("//")) return path;
  return path.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
}

/** `path` is that of `target`. */
export function placeOf(path: string, { target, method }: { target: string; method: string }): Place {
  if (method === "POST" && BESIDE_STREAM.has(path) && streamIdOf(target) !== undefined) return MESSAGES;
  return PLACES.get(path) ?? upstreamAt(path);
}

/** The name of the stream that a message over HTTP+SSE belongs to. */
export function streamIdOf(target: string): string | undefined {
  const query = target.indexOf("?");
  return query < 0 ? undefined : (new URLSearchParams(target.slice(query)).get("sessionId") ?? undefined);
}

/**
 * The reference for an `endpoint` event. A query alone stays where the stream is, also behind a proxy that serves it
 * under a path of its own, and is right for clients that put it behind the origin as well.
 */
export const endpointOf = (streamId: string): string => `?sessionId=${encodeURIComponent(streamId)}`;

function upstreamAt(path: string): Place {
  const name = /^\/mcp\/([^/]+)$/.exec(path)?.[1];
  if (name === undefined) return NOWHERE;
  try {
    return { kind: "mcp", view: { kind: "upstream", name: upstreamName(decodeURIComponent(name)) } };
  } catch {
    return NOWHERE;
  }
}
