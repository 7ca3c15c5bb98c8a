/** What is behind an upstream: a program that we start, or an address that we reach. All that people are told hangs on it. */
export type Behind = "program" | "address";

/** The transports of upstreams, in the order in which they are named to people. */
export const BEHIND = { stdio: "program", sse: "address", http: "address" } as const satisfies Readonly<
  Record<string, Behind>
>;
export type UpstreamTransport = keyof typeof BEHIND;

export const TRANSPORTS = Object.keys(BEHIND) as readonly UpstreamTransport[];

export const isTransport = (value: unknown): value is UpstreamTransport =>
  typeof value === "string" && Object.hasOwn(BEHIND, value);
