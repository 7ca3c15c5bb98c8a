import type { AttemptFailure } from "../core/failure.ts";
import { withoutNulls } from "../core/nulls.ts";
import { Payload } from "../core/payload.ts";
import { AGENT_TEXT } from "../core/scan-limits.ts";
import { cacheHintOf } from "../wire/caching.ts";
import { bareRequest, type UpstreamEra } from "../wire/era.ts";
import { legacyUpstream } from "../wire/legacy.ts";
import { notificationText, requestParts } from "../wire/message.ts";
import { type Identity, modernUpstream } from "../wire/modern.ts";
import { CODES } from "../wire/rpc-errors.ts";
import { isLegacy, isModern, LATEST_LEGACY, LATEST_MODERN } from "../wire/versions.ts";
import type { Channel, Reply } from "./channel.ts";
import { createLink, type Introduction, type Link, type LinkParts } from "./link.ts";

/** What to try: both eras, newest first, or the one that this upstream is known to speak. */
export type Known = UpstreamEra["name"] | undefined;

export type Negotiated =
  | { readonly kind: "open"; readonly link: Link }
  | ({ readonly kind: "failed" } & AttemptFailure);

/** What the link is made of, as far as it is known before the upstream has answered. */
interface Handshake extends Pick<LinkParts, "clock" | "parking" | "declared" | "asked" | "unclaimed"> {
  readonly channel: Channel;
  readonly identity: Identity;
  readonly signal: AbortSignal;
  /** For the whole handshake. */
  readonly timeoutMs: number;
  /** For the question whether the upstream is modern; no answer means that it is not. */
  readonly probeTimeoutMs: number;
}

/**
 * Finds out which revision the upstream speaks and opens the conversation.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#backward-compatibility-with-initialization-based-versions
 */
export function negotiate(handshake: Handshake, known: Known): Promise<Negotiated> {
  let id = Math.floor(Math.random() * 2 ** 31);
  const nextId = (): number => id++;
  return OPENINGS[known ?? "modern"](handshake, nextId);
}

/** How a conversation begins in each era. The newest one falls back to the other, so it is where to begin. */
const OPENINGS: Readonly<
  Record<UpstreamEra["name"], (handshake: Handshake, nextId: () => number) => Promise<Negotiated>>
> = { modern: discover, legacy: initialize };

async function discover(handshake: Handshake, nextId: () => number): Promise<Negotiated> {
  const era = modernUpstream(handshake.identity);
  const method = "server/discover";
  const request = era.request(bareRequest(method, EMPTY), LATEST_MODERN);
  const reply = await ask(handshake, { method, ...request, id: nextId(), timeoutMs: handshake.probeTimeoutMs });
  const verdict = readDiscover(reply);
  if (verdict.kind === "speaks_other") return initialize(handshake, nextId);
  if (verdict.kind === "failed") return verdict;
  return { kind: "open", link: createLink({ ...handshake, era, introduction: verdict.introduction, nextId }) };
}

type Verdict =
  | { readonly kind: "agreed"; readonly introduction: Introduction }
  /** None of these revisions; perhaps an older one. */
  | { readonly kind: "speaks_other" }
  | ({ readonly kind: "failed" } & AttemptFailure);

/** Faults that say nothing about the revision: asking in another way would not help. */
const CONCLUSIVE = new Set<AttemptFailure["fault"]>([
  "unreachable",
  "misconfigured",
  "auth_required",
  "rate_limited",
  "cancelled",
  "overloaded",
]);

function readDiscover(reply: Reply): Verdict {
  if (reply.kind === "failed") return CONCLUSIVE.has(reply.fault) ? reply : { kind: "speaks_other" };
  if (reply.kind === "error") {
    const code = Number(reply.error.raw("code")?.toString("latin1"));
    if (code !== CODES.unsupportedVersion) return { kind: "speaks_other" };
    const supported = versionsOf(reply.error.object("data"), "supported");
    if (supported.some(isLegacy)) return { kind: "speaks_other" };
    return failed(`the upstream speaks only ${supported.join(", ") || "unknown revisions"}`);
  }
  const version = versionsOf(reply.result, "supportedVersions").find(isModern);
  if (!version) return { kind: "speaks_other" };
  return {
    kind: "agreed",
    introduction: {
      version,
      capabilities: withoutNulls(reply.result.object("capabilities") ?? EMPTY, 1),
      serverInfo: reply.result.object("_meta")?.object("io.modelcontextprotocol/serverInfo"),
      instructions: reply.result.string("instructions"),
      hint: cacheHintOf(reply.result),
    },
  };
}

function versionsOf(holder: Payload | undefined, member: string): string[] {
  const versions = holder?.value()[member];
  return Array.isArray(versions) ? versions.filter(version => typeof version === "string") : [];
}

/**
 * What an upstream says of itself is read here and shown to every agent, so each of its bytes is looked at, unlike
 * those of a result that only its agent reads.
 */
function sound(reply: Reply): Reply {
  if (reply.kind === "failed") return reply;
  try {
    Payload.parse((reply.kind === "result" ? reply.result : reply.error).bytes, AGENT_TEXT);
    return reply;
  } catch {
    return failed("its answer to the handshake is not well-formed JSON");
  }
}

async function initialize(handshake: Handshake, nextId: () => number): Promise<Negotiated> {
  const { channel, identity } = handshake;
  const era = legacyUpstream;
  const params = Payload.of({ protocolVersion: LATEST_LEGACY, capabilities: {}, clientInfo: identity }).with({
    capabilities: handshake.declared.bytes,
  });
  const method = "initialize";
  const { timeoutMs } = handshake;
  const reply = await ask(handshake, { method, params, headers: {}, id: nextId(), timeoutMs });
  if (reply.kind === "failed") return reply;
  if (reply.kind === "error")
    return failed(`initialize was refused: ${reply.error.string("message") ?? "no reason given"}`);
  const version = reply.result.string("protocolVersion");
  if (version === undefined || !isLegacy(version))
    return failed(`the upstream speaks ${version ?? "no known revision"}`);
  const introduction = {
    version,
    capabilities: withoutNulls(reply.result.object("capabilities") ?? EMPTY, 1),
    serverInfo: reply.result.object("serverInfo"),
    instructions: reply.result.string("instructions"),
    hint: undefined,
  };
  await channel.notify(notificationText("notifications/initialized"), era.headers(version));
  return { kind: "open", link: createLink({ ...handshake, era, introduction, nextId }) };
}

function ask(
  handshake: Handshake,
  request: { method: string; params: Payload; headers: Record<string, string>; id: number; timeoutMs: number },
): Promise<Reply> {
  const { id, method, params, headers, timeoutMs } = request;
  const reply = handshake.channel.request({
    id,
    method,
    parts: requestParts(id, method, params),
    headers,
    signal: handshake.signal,
    timeoutMs,
    maxTimeoutMs: timeoutMs,
    onMessage: () => {},
  });
  return reply.then(sound);
}

const EMPTY = Payload.of({});
const failed = (detail: string): { kind: "failed" } & AttemptFailure => ({
  kind: "failed",
  fault: "protocol_error",
  delivery: "refused",
  detail,
});
