import type { AttemptFailure, Fault } from "../../core/failure.ts";
import { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { Deadlines, type Timed } from "../../lib/deadlines.ts";
import { type Invalid, type Message, notificationText, numberOf, type RawId } from "../../wire/message.ts";
import type { Seen } from "../../wire/oversized.ts";
import type { OutboundRequest, Reply } from "./channel.ts";

/** Matches replies to requests where many requests share one stream. Every request ends with exactly one reply. */
export interface Correlator {
  /**
   * Waits for the reply. Call it before the request is sent. `done` is called once: before this returns where nobody wants
   * the reply any more, of which the answer tells.
   */
  open(request: OutboundRequest, done: (reply: Reply) => void): boolean;
  /** An answer that makes no sense ends its request: nothing better will come. */
  receive(message: Message | Invalid): void;
  /** A message of more than `maxBytes` passed by: it ends the request that it answers, and no other. */
  oversized(seen: Seen, maxBytes: number): void;
  /** Ends one request, if it is still waiting. */
  fail(id: number, failure: Refusal): void;
  failAll(failure: AttemptFailure): void;
  /** Replies and progress for requests that no longer wait: late, repeated or never asked for. */
  readonly dropped: number;
  /** Requests that wait. */
  readonly size: number;
}

type Refusal = Omit<Reply & { kind: "failed" }, "kind">;

export interface CorrelatorOptions {
  readonly clock: Clock;
  /** A message that belongs to no single request. */
  onUnmatched(message: Message): void;
  /** The answer to a request that may have been sent is no longer wanted: tell the upstream. */
  onCancel(id: number): void;
  /** An answer that belongs to nothing that was ever asked, in words. */
  onStray?(what: string): void;
}

interface Waiting extends Timed {
  readonly request: OutboundRequest;
  readonly openedAt: number;
  /** Whether something has already been passed on. */
  told: boolean;
  done(reply: Reply): void;
  onAbort(): void;
}

/**
 * What begins a conversation. `initialize` must not be cancelled, and some servers end on any message that they do not
 * expect so early. https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation
 */
const OPENING: ReadonlySet<string> = new Set(["initialize", "server/discover"]);
const SHOWN_ID_BYTES = 60;

export function createCorrelator({ clock, onUnmatched, onCancel, onStray }: CorrelatorOptions): Correlator {
  const waiting = new Map<string, Waiting>();
  const deadlines = new Deadlines(clock);
  let dropped = 0;
  /** Ids are given in ascending order, so these two tell whether one was ever asked. */
  let firstId = Number.POSITIVE_INFINITY;
  let lastId = Number.NEGATIVE_INFINITY;

  const waitingFor = (id: RawId): Waiting | undefined =>
    waiting.get(id.toString("latin1")) ?? waiting.get(numberOf(id) ?? "");

  const drop = (id: RawId): void => {
    dropped++;
    const number = Number(numberOf(id));
    if (number >= firstId && number <= lastId) return;
    onStray?.(`an answer with the id ${id.subarray(0, SHOWN_ID_BYTES).toString("utf8")}, which was never asked`);
  };

  const finish = (entry: Waiting, reply: Reply): void => {
    // It may have ended because of how another one did.
    if (!waiting.delete(String(entry.request.id))) return;
    deadlines.remove(entry);
    entry.request.signal.offAbort(entry.onAbort);
    entry.done(reply);
  };

  const failEntry = (entry: Waiting, failure: Refusal): void => {
    const delivery = entry.told && failure.delivery === "sent_unknown" ? "partial" : failure.delivery;
    finish(entry, { kind: "failed", ...failure, delivery });
  };

  const abandon = (entry: Waiting, fault: Fault, detail: string): void => {
    if (!OPENING.has(entry.request.method)) onCancel(entry.request.id);
    failEntry(entry, { fault, delivery: "sent_unknown", detail });
  };

  const take = (id: RawId, reply: Reply): void => {
    const entry = waitingFor(id);
    if (entry) finish(entry, reply);
    else drop(id);
  };

  /** Without an id it can only be about what began the conversation, while nothing else has been asked. */
  const takeAnonymous = (error: Payload): void => {
    const [only] = waiting.size === 1 ? waiting.values() : [];
    if (only && OPENING.has(only.request.method)) finish(only, { kind: "error", error });
    else {
      dropped++;
      onStray?.(`an error without an id: ${error.string("message") ?? "no reason given"}`);
    }
  };

  const garbled = ({ id, isAnswer, message: detail }: Invalid): void => {
    if (!isAnswer) return;
    const entry = id && waitingFor(id);
    if (entry) failEntry(entry, { fault: "protocol_error", delivery: "answered", detail });
    else if (id) drop(id);
  };

  const progress = (message: Message, token: Buffer | undefined): void => {
    const entry = token && waitingFor(token);
    if (!entry) {
      dropped++;
      return;
    }
    entry.dueAt = dueAt(entry.request, entry.openedAt, clock.now());
    entry.told = true;
    entry.request.onMessage(message);
  };

  return {
    open(request, done) {
      if (request.signal.aborted) {
        done({ kind: "failed", fault: "cancelled", delivery: "not_sent", detail: "never sent" });
        return false;
      }
      const now = clock.now();
      const entry: Waiting = {
        ...{ request, done, openedAt: now, told: false, place: -1, dueAt: dueAt(request, now, now) },
        expire: () => abandon(entry, "timeout", `no answer within ${Math.round(entry.dueAt - now)} ms`),
        stop: () => {},
        onAbort: () => abandon(entry, "cancelled", "the agent no longer waits"),
      };
      const key = String(request.id);
      if (waiting.has(key)) throw new Error(`request ${key} is already open`);
      waiting.set(key, entry);
      firstId = Math.min(firstId, request.id);
      lastId = Math.max(lastId, request.id);
      request.signal.onAbort(entry.onAbort);
      deadlines.add(entry);
      return true;
    },
    receive(message) {
      if (message.kind === "invalid") garbled(message);
      else if (message.kind === "result") take(message.id, { kind: "result", result: message.result });
      else if (message.kind === "error") {
        if (message.id) take(message.id, { kind: "error", error: message.error });
        else takeAnonymous(message.error);
      } else if (message.kind === "notification" && message.method === "notifications/progress") {
        progress(message, message.params?.raw("progressToken"));
      } else onUnmatched(message);
    },
    oversized(seen, maxBytes) {
      const detail = `the upstream sent a message of more than ${maxBytes} bytes (max_result_bytes)`;
      if (seen.kind === "answer") {
        const entry = waitingFor(Buffer.from(seen.id, "latin1"));
        if (entry) return failEntry(entry, { fault: "too_large", delivery: "answered", detail });
      }
      // It may be the answer to the only one, and nobody else will answer that.
      const [only] = waiting.values();
      const isMeant = seen.kind === "unknown" && waiting.size === 1 && only;
      if (isMeant) failEntry(only, { fault: "too_large", delivery: "sent_unknown", detail });
      else dropped++;
    },
    fail(id, failure) {
      const entry = waiting.get(String(id));
      if (entry) failEntry(entry, failure);
    },
    failAll(failure) {
      for (const entry of [...waiting.values()]) failEntry(entry, failure);
      deadlines.finish();
    },
    get dropped() {
      return dropped;
    },
    get size() {
      return waiting.size;
    },
  };
}

/** When a request is late that was opened and last made progress then, in monotonic milliseconds. */
const dueAt = ({ timeoutMs, maxTimeoutMs }: OutboundRequest, openedAt: number, activeAt: number): number =>
  Math.min(activeAt + timeoutMs, openedAt + maxTimeoutMs);

/** Tells an upstream, in our id, that nobody waits for a request any more. */
export function cancelledText(id: number): Buffer {
  return notificationText("notifications/cancelled", Payload.of({ requestId: id }));
}
