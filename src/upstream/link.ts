import type { Call } from "../core/call.ts";
import type { Holder } from "../core/catalog.ts";
import { Payload } from "../core/payload.ts";
import type { Attempt } from "../core/route.ts";
import type { UpstreamEra } from "../wire/era.ts";
import { errorText, type Message, notificationText, oneLine, requestParts, resultParts } from "../wire/message.ts";
import { CALL_METHODS, isSevereEnough } from "../wire/methods.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import type { Channel, OutboundRequest, Reply } from "./channel.ts";

/** Longer than any process lives, and still a delay that timers understand. */
export const NO_TIMEOUT_MS = 2_147_483_647;

/** What an upstream said of itself when the link was opened. */
export interface Introduction {
  readonly version: string;
  readonly capabilities: Payload;
  readonly serverInfo: Payload | undefined;
  readonly instructions: string | undefined;
}

/** How long a call may take. Progress starts the first anew, never beyond the second. */
export interface Timeouts {
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** An open conversation with one upstream, in the revision it speaks. */
export interface Link extends Introduction {
  readonly era: UpstreamEra;
  readonly channel: Channel;
  /** Sends an agent's call under its native name. */
  call(call: Call, holder: Holder, timeouts: Timeouts): Promise<Attempt>;
  /** Takes a message that belongs to no request: a log line is the only running call's, or nobody's. */
  overhear(message: Message): void;
  /** A request of our own. */
  ask(method: string, params: Payload, options: AskOptions): Promise<Reply>;
  notify(method: string, params?: Payload): Promise<void>;
}

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onMessage?: (message: Message) => void;
}

const SET_LEVEL_TIMEOUT_MS = 5_000;
const NOTICES = new Set(["notifications/progress", "notifications/message"]);
const IGNORE = (): void => {};

/** `nextId` counts for the channel, so that the handshake and the calls never share an id. */
export function createLink(parts: {
  channel: Channel;
  era: UpstreamEra;
  introduction: Introduction;
  nextId: () => number;
}): Link {
  const { channel, era, introduction, nextId } = parts;
  const { version } = introduction;

  const running = new Set<Call>();
  let logLevel: string | undefined;

  async function call(call: Call, holder: Holder, timeouts: Timeouts): Promise<Attempt> {
    if (era.setsLogLevel && call.logLevel !== undefined) await raiseLogLevel(call.logLevel, call.signal);
    running.add(call);
    try {
      return await send(call, holder, timeouts);
    } finally {
      running.delete(call);
    }
  }

  /** The conversation's level is the most verbose that any of its agents wants; each agent sees only its own. */
  async function raiseLogLevel(level: string, signal: AbortSignal): Promise<void> {
    if (!introduction.capabilities.has("logging") || (logLevel !== undefined && isSevereEnough(level, logLevel)))
      return;
    logLevel = level;
    await ask("logging/setLevel", Payload.of({ level }), { timeoutMs: SET_LEVEL_TIMEOUT_MS, signal });
  }

  async function send(call: Call, holder: Holder, timeouts: Timeouts): Promise<Attempt> {
    const id = nextId();
    const renamed = CALL_METHODS.get(call.method)?.rename(call.params, holder.native) ?? call.params;
    const { params, headers } = era.request(
      {
        method: call.method,
        params: renamed,
        progressToken: call.params.object("_meta")?.has("progressToken") ? id : undefined,
        logLevel: call.logLevel,
        definition: call.method === "tools/call" ? holder.definition : undefined,
      },
      version,
    );
    const request: OutboundRequest = {
      id,
      method: call.method,
      parts: requestParts(id, call.method, params),
      headers,
      signal: call.signal,
      ...timeouts,
      onMessage: message => {
        if (message.kind === "request") void answerUpstream(channel, message, era.headers(version));
        else if (message.kind === "notification" && NOTICES.has(message.method)) {
          call.notify({ method: message.method, params: message.params ?? EMPTY });
        }
      },
    };
    return attemptOf(await channel.request(request), era);
  }

  function ask(method: string, plain: Payload, { timeoutMs, signal, onMessage = IGNORE }: AskOptions): Promise<Reply> {
    const id = nextId();
    const { params, headers } = era.request(
      { method, params: plain, progressToken: undefined, logLevel: undefined, definition: undefined },
      version,
    );
    const parts = requestParts(id, method, params);
    return channel.request({ id, method, parts, headers, signal, timeoutMs, maxTimeoutMs: timeoutMs, onMessage });
  }

  return {
    ...introduction,
    era,
    channel,
    call,
    ask,
    overhear(message) {
      const [only] = running;
      if (message.kind !== "notification" || message.method !== "notifications/message") return;
      if (running.size === 1 && only) only.notify({ method: message.method, params: message.params ?? EMPTY });
    },
    notify: (method, params) => channel.notify(notificationText(method, params), era.headers(version)),
  };
}

const EMPTY = Payload.of({});

/** Errors that concern us and the upstream, not the agent: it could do nothing about them. */
const BETWEEN_US: ReadonlySet<string> = new Set([String(CODES.headerMismatch), String(CODES.unsupportedVersion)]);

function attemptOf(reply: Reply, era: UpstreamEra): Attempt {
  if (reply.kind === "failed") return reply;
  if (reply.kind === "error") {
    const code = reply.error.raw("code")?.toString("latin1") ?? "";
    if (!BETWEEN_US.has(code)) return { kind: "answered", error: reply.error };
    const detail = `the upstream refused our request: ${reply.error.string("message") ?? code}`;
    return { kind: "failed", fault: "protocol_error", delivery: "refused", detail };
  }
  if (!era.asks(reply.result)) return { kind: "done", result: reply.result };
  return {
    kind: "asks",
    questions: reply.result.object("inputRequests") ?? EMPTY,
    ticket: reply.result.string("requestState") ?? "",
  };
}

/** An upstream's own request. We declare no capabilities, so all it may ask is whether we are there. */
export function answerUpstream(
  channel: Channel,
  message: Extract<Message, { kind: "request" }>,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const text =
    message.method === "ping"
      ? Buffer.concat(resultParts(message.id, EMPTY))
      : errorText(message.id, wireError(CODES.methodNotFound, `Method not found: ${message.method}`).error);
  return channel.notify(oneLine(text), headers);
}
