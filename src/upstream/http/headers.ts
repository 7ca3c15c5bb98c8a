import { RESERVED_HEADERS } from "../../config/unsent.ts";
import type { TokenSource } from "./credentials.ts";
import { basicOf } from "./url-parts.ts";

export interface HeaderSources {
  readonly url: string;
  /** From the configuration. */
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: TokenSource | undefined;
  /** What we call ourselves. */
  readonly userAgent: string;
}

/** What requests of one channel say of themselves, each list as name, value, name, value, … */
export interface ChannelHeaders {
  /** Sent with every request. */
  readonly fixed: readonly string[];
  /** Besides, with a POST of a message and with a GET of a stream. */
  readonly post: readonly string[];
  readonly get: readonly string[];
  /** The configured `Cookie`, which goes together with those that the upstream sets. */
  readonly cookie: string | undefined;
}

const POST_TYPES = ["application/json", "text/event-stream"];
const GET_TYPES = ["text/event-stream"];

/** What is set unless the configuration says otherwise. Compressed streams come late, and our answers are small. */
const defaults = ({ url, userAgent, credentials }: HeaderSources): Record<string, string | undefined> => ({
  "accept-encoding": "identity",
  "user-agent": userAgent,
  authorization: credentials ? undefined : basicOf(new URL(url)),
});

/** Those that the transport owns are left out; the one of `Host` is its own affair ({@link authorityOf}). */
export function channelHeaders(sources: HeaderSources): ChannelHeaders {
  const fixed = new Map<string, [name: string, value: string]>();
  for (const [name, value] of Object.entries(defaults(sources)))
    if (value !== undefined) fixed.set(name, [name, value]);
  const special = new Map<string, string>();
  for (const [name, value] of Object.entries(sources.headers)) {
    const key = name.toLowerCase();
    const replaced = sources.credentials !== undefined && key === "authorization";
    if (APART.has(key)) special.set(key, value);
    else if (!RESERVED_HEADERS.test(name) && !replaced) fixed.set(key, [name, value]);
  }
  const accept = special.get("accept");
  return {
    fixed: [...fixed.values()].flat(),
    post: ["content-type", "application/json", "accept", acceptOf(accept, POST_TYPES)],
    get: ["accept", acceptOf(accept, GET_TYPES)],
    cookie: special.get("cookie"),
  };
}

const APART: ReadonlySet<string> = new Set(["accept", "cookie", "host"]);

/** A configured `Host`, for upstreams that are told apart by another name than the one they are reached by. */
export function authorityOf(headers: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "host")?.[1];
}

/** What the protocol needs is always accepted: servers refuse a request that does not say so. */
function acceptOf(configured: string | undefined, needed: readonly string[]): string {
  const types = (configured ?? "").split(",").map(type => type.trim());
  const kept = types.filter(type => type !== "" && !needed.includes(type.toLowerCase()));
  return [...kept, ...needed].join(", ");
}

export function withSession(headers: readonly string[], session: string | undefined): readonly string[] {
  return session === undefined ? headers : [...headers, "mcp-session-id", session];
}
