/**
 * Protocol revisions, newest first. Legacy revisions open with an `initialize` handshake, modern ones carry everything
 * on each request. https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning
 */
export const MODERN_VERSIONS = ["2026-07-28"] as const;
export const LEGACY_VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;

export type ModernVersion = (typeof MODERN_VERSIONS)[number];
export type LegacyVersion = (typeof LEGACY_VERSIONS)[number];

export const LATEST_MODERN: ModernVersion = MODERN_VERSIONS[0];
export const LATEST_LEGACY: LegacyVersion = LEGACY_VERSIONS[0];

export const isModern = (version: string): version is ModernVersion =>
  (MODERN_VERSIONS as readonly string[]).includes(version);
export const isLegacy = (version: string): version is LegacyVersion =>
  (LEGACY_VERSIONS as readonly string[]).includes(version);

/** What servers may answer to a handshake: also the first draft of all, which differs in nothing that we use. */
export const agreesToHandshake = (version: string): boolean => isLegacy(version) || version === "2024-10-07";

/** What a server answers to a client that asks for `requested`: the same revision if we speak it, else our newest. */
export const negotiateLegacy = (requested: string | undefined): LegacyVersion =>
  requested !== undefined && isLegacy(requested) ? requested : LATEST_LEGACY;

/** Later revisions have no batches; before, any array of messages was one. */
export const takesBatches = (version: LegacyVersion): boolean => version <= "2025-03-26";

/** Whether a client reads an event without data; older ones take it for a message. */
export const readsEmptyEvents = (version: LegacyVersion): boolean => version >= "2025-11-25";

/** Whether questions may name URLs to open, and capabilities within the one for sampling. */
export const asksRichly = (version: LegacyVersion): boolean => version >= "2025-11-25";

/** `_meta` keys that modern requests and results carry. */
export const META = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  logLevel: "io.modelcontextprotocol/logLevel",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
} as const;
