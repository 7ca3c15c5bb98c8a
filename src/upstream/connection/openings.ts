import type { Room } from "../../core/call.ts";
import type { AttemptFailure } from "../../core/failure.ts";
import { withoutNulls } from "../../core/nulls.ts";
import { Payload } from "../../core/payload.ts";
import { SHOWN_TEXT } from "../../core/scan-limits.ts";
import type { Signal } from "../../core/signal.ts";
import { cacheHintOf } from "../../wire/caching.ts";
import { bareRequest, type UpstreamEra } from "../../wire/era.ts";
import { legacyUpstream } from "../../wire/legacy.ts";
import { type Message, notificationText, requestParts } from "../../wire/message.ts";
import { type Identity, modernUpstream } from "../../wire/modern.ts";
import { CODES } from "../../wire/rpc-errors.ts";
import { agreesToHandshake, isLegacy, isModern, LATEST_LEGACY, LATEST_MODERN } from "../../wire/versions.ts";
import type { Channel, Reply } from "../channel/channel.ts";
import { requestOn } from "../channel/channel.ts";
import type { Introduction } from "../conversation/link.ts";
import type { Speaks } from "./speaks.ts";

/** What an upstream says to the first question of an era. */
export type Verdict =
  /** `found`: what else that tells of what it speaks. */
  | { readonly kind: "agreed"; readonly introduction: Introduction; readonly found: Partial<Speaks> }
  /** It answered, and not as one who speaks that era. */
  | ({ readonly kind: "refused" } & AttemptFailure)
  /** It did not answer, or something between us did. */
  | ({ readonly kind: "failed"; readonly status?: number } & AttemptFailure);

/** How a question is put. */
export interface Asking {
  readonly channel: Channel;
  readonly identity: Identity;
  /** What the upstream is told that can be asked on the conversation, where it is told at its beginning. */
  readonly declared: Payload;
  /** Each request has an id of its own. */
  nextId(): number;
  readonly signal: Signal;
  readonly timeoutMs: number;
  /** What comes with the answer. */
  onMessage(message: Message): Room;
}

export interface Opening {
  readonly era: (identity: Identity) => UpstreamEra;
  ask(asking: Asking): Promise<Verdict>;
  /** Whether an answer that nobody wants any more would leave a session behind. */
  readonly opensSession: boolean;
  /** Says that the answer is agreed to, where that is wanted. */
  agree(channel: Channel, version: string): Promise<void>;
}

/** How a conversation begins in each era. */
export const OPENINGS: Readonly<Record<UpstreamEra["name"], Opening>> = {
  modern: { era: modernUpstream, ask: discover, opensSession: false, agree: async () => {} },
  legacy: {
    era: () => legacyUpstream,
    ask: initialize,
    opensSession: true,
    agree: (channel, version) =>
      channel.notify(notificationText("notifications/initialized"), legacyUpstream.headers(version)),
  },
};

async function discover(asking: Asking): Promise<Verdict> {
  const method = "server/discover";
  const { params, headers } = modernUpstream(asking.identity).request(bareRequest(method, EMPTY), LATEST_MODERN);
  const first = await put(asking, { method, params, headers });
  // A refusal that names our own revision as one to come with is taken at its word, once.
  const reply = namesOurs(first) ? await put(asking, { method, params, headers }) : first;
  if (reply.kind === "failed") return reply;
  if (reply.kind === "error") {
    const supported = versionsOf(reply.error.object("data"), "supported");
    if (codeOf(reply.error) !== CODES.unsupportedVersion || supported.some(isLegacy)) {
      return refused(`${method} was refused: ${reply.error.string("message") ?? "no reason given"}`);
    }
    return {
      kind: "failed",
      ...protocolError(`the upstream speaks only ${supported.join(", ") || "unknown revisions"}`),
    };
  }
  const supported = versionsOf(reply.result, "supportedVersions");
  const version = supported.find(isModern);
  if (!version) return refused(`${method} was answered without a revision that we speak`);
  return {
    kind: "agreed",
    found: supported.some(isLegacy) ? { modern: true, legacy: true } : { modern: true },
    introduction: {
      version,
      capabilities: withoutNulls(reply.result.object("capabilities") ?? EMPTY, 1),
      serverInfo: reply.result.object("_meta")?.object("io.modelcontextprotocol/serverInfo"),
      instructions: reply.result.string("instructions"),
      hint: cacheHintOf(reply.result),
    },
  };
}

const namesOurs = (reply: Reply): boolean =>
  reply.kind === "error" &&
  codeOf(reply.error) === CODES.unsupportedVersion &&
  versionsOf(reply.error.object("data"), "supported").some(isModern);

async function initialize(asking: Asking): Promise<Verdict> {
  const method = "initialize";
  const { identity: clientInfo, declared } = asking;
  const greeting = Payload.of({ protocolVersion: LATEST_LEGACY, capabilities: {}, clientInfo });
  const params = greeting.with({ capabilities: declared.bytes });
  const reply = await put(asking, { method, params, headers: {} });
  if (reply.kind === "failed") return reply;
  if (reply.kind === "error")
    return refused(`${method} was refused: ${reply.error.string("message") ?? "no reason given"}`);
  const version = reply.result.string("protocolVersion");
  if (version === undefined || !agreesToHandshake(version))
    return refused(`the upstream speaks ${version ?? "no known revision"}`);
  return {
    kind: "agreed",
    found: { legacy: true },
    introduction: {
      version,
      capabilities: withoutNulls(reply.result.object("capabilities") ?? EMPTY, 1),
      serverInfo: reply.result.object("serverInfo"),
      instructions: reply.result.string("instructions"),
      hint: undefined,
    },
  };
}

async function put(
  { channel, nextId, signal, timeoutMs, onMessage }: Asking,
  { method, params, headers }: { method: string; params: Payload; headers: Record<string, string> },
): Promise<Reply> {
  const id = nextId();
  const parts = requestParts(id, method, params);
  const timing = { timeoutMs, maxTimeoutMs: timeoutMs };
  return sound(await requestOn(channel, { id, method, parts, headers, signal, onMessage, ...timing }));
}

/** What an upstream says of itself is read here and shown to every agent, so it may be no larger than what an agent says. */
function sound(reply: Reply): Reply {
  if (reply.kind === "failed") return reply;
  try {
    Payload.parse((reply.kind === "result" ? reply.result : reply.error).bytes, SHOWN_TEXT);
    return reply;
  } catch {
    return {
      kind: "failed",
      ...protocolError("its answer to the handshake has too many members, or one of them twice"),
    };
  }
}

function versionsOf(holder: Payload | undefined, member: string): string[] {
  const versions = holder?.value()[member];
  return Array.isArray(versions) ? versions.filter(version => typeof version === "string") : [];
}

const codeOf = (error: Payload): number => Number(error.raw("code")?.toString("latin1"));
const EMPTY = Payload.of({});
const protocolError = (detail: string): AttemptFailure => ({ fault: "protocol_error", delivery: "refused", detail });
const refused = (detail: string): Verdict => ({ kind: "refused", ...protocolError(detail) });
