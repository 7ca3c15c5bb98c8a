import type { Readable, Writable } from "node:stream";
import type { View } from "../core/call.ts";
import { createDrain } from "../core/drain.ts";
import type { Front } from "../core/front.ts";
import type { Clock } from "../core/ports.ts";
import { Aborter } from "../core/signal.ts";
import { systemClock } from "../lib/clock.ts";
import { lineSplitter } from "../wire/lines.ts";
import type { Message, RawId } from "../wire/message.ts";
import { checkModern, claimsModern, saidIn } from "../wire/modern-envelope.ts";
import { CODES, errorOf, wireError } from "../wire/rpc-errors.ts";
import { anonymous } from "./agent-name.ts";
import { type Batch, INVALID_CODES, readText } from "./batch.ts";
import { MAX_BODY_BYTES } from "./body.ts";
import { createChannelAgent } from "./channel-agent.ts";
import { beginsWork, DRAINING } from "./draining.ts";
import { keepNoEvents } from "./event-share.ts";
import { messageExchange, reply } from "./exchange.ts";
import { answerModern, type Carrier } from "./modern-request.ts";
import { pipeTo } from "./pipe.ts";
import { createEventRing } from "./resume.ts";
import { type Answer, INTERNAL } from "./serve.ts";
import { openSession } from "./session.ts";
import { createSessionIds } from "./session-ids.ts";

type Request = Extract<Message, { kind: "request" }>;

const ALL: View = { kind: "all" };
const ADDRESS = "stdio";

/** One agent on a pair of streams. */
export interface StdioFront {
  /** Resolves when its input ends. */
  readonly ended: Promise<void>;
  /** Whether its input is open. */
  readonly hears: boolean;
  /**
   * Refuses what begins anything, ends subscriptions and lets running requests finish. Resolves with how many still run after
   * `graceMs`. A second time shortens the wait.
   */
  drain(graceMs: number): Promise<number>;
  /** Ends what is left. */
  close(): void;
}

/**
 * Serves one agent on a pair of streams, in whichever revision each message is, until its input ends.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio
 */
export function serveStdio(options: { front: Front; input: Readable; output: Writable; clock?: Clock }): StdioFront {
  const { front, input, output, clock = systemClock } = options;
  const exchange = messageExchange(pipeTo(output, input));
  const running = new Map<string, Aborter>();
  const requests = createDrain(clock);
  /** What would never end by itself. */
  const held = new Set<() => void>();
  let draining = false;
  let hears = true;
  const agent = createChannelAgent({
    front,
    exchange,
    isDraining: () => draining,
    end() {},
    async open(params) {
      const principal = anonymous(ADDRESS, params.object("clientInfo"));
      const ids = createSessionIds(front.sealer).streams(ADDRESS, principal);
      // A pipe that broke is not taken up again.
      const events = createEventRing({ clock, share: keepNoEvents, ids });
      const keeper = { principal, address: ADDRESS };
      const kept = { kind: "sessions", bytes: params.size } as const;
      const held = front.ledger.open(keeper, { ...kept, standing: () => "running", shed() {} });
      if (!held) return { session: undefined, answer: { kind: "error", error: errorOf({ kind: "crowded" }) } };
      return openSession({ front, clock, params, principal, events, held, address: ADDRESS, view: ALL, id: ADDRESS });
    },
  });

  const unsubscribe = front.onChange(change => agent.session?.listsChanged(change));
  const split = lineSplitter({ maxBytes: MAX_BODY_BYTES, onLine: receive, onTooLong: tooLong });

  function tooLong(): undefined {
    exchange.error(undefined, wireError(CODES.requestTooLarge, `A message is larger than ${MAX_BODY_BYTES} bytes`));
  }

  function receive(line: Buffer): void {
    const text = readText(line);
    try {
      take(text);
    } catch (error) {
      front.trouble(error);
      if (text.kind === "request" && !runs(text.id)) reply(exchange, text.id, INTERNAL);
    }
  }

  function take(text: Message | Batch): void {
    if (text.kind === "invalid") {
      agent.session?.garbled(text);
      exchange.error(
        text.isAnswer || runs(text.id) ? undefined : text.id,
        wireError(INVALID_CODES[text.reason], text.message),
      );
    } else if (text.kind === "request" && isModern(text)) {
      if (draining && beginsWork(text)) exchange.error(text.id, DRAINING);
      else modern(text);
    } else {
      if (text.kind === "notification" && text.method === "notifications/cancelled") {
        running.get(text.params?.raw("requestId")?.toString("utf8") ?? "")?.abort();
      }
      requests.began();
      agent.receive(text, requests.ended);
    }
  }

  /** An error with its id would be taken for the answer of the request that runs under it. */
  const runs = (id: RawId | undefined): boolean =>
    id !== undefined && (running.has(id.toString("utf8")) || agent.session?.runs(id) === true);

  function modern(message: Request): void {
    const checked = checkModern(message, undefined, saidIn(message.params));
    if (!checked.ok) return exchange.error(message.id, checked.error);
    const key = message.id.toString("utf8");
    if (running.has(key)) {
      return exchange.error(undefined, wireError(CODES.invalidRequest, `Request id ${key} is already in use`));
    }
    const aborted = new Aborter();
    running.set(key, aborted);
    requests.began();
    const { signal } = aborted;
    let stop = (): void => {};
    const carrier: Carrier = {
      ...{ view: ALL, address: ADDRESS, headers: undefined, clock, signal, admits: () => true },
      notify(text) {
        return signal.aborted ? undefined : exchange.notify(text);
      },
      hold(end) {
        stop = end;
        held.add(stop);
        if (draining) stop();
      },
    };
    const done = (answer: Answer): void => {
      held.delete(stop);
      if (running.delete(key)) requests.ended();
      if (!signal.aborted) reply(exchange, message.id, answer);
    };
    answerModern(front, { ...message, envelope: checked.envelope }, { carrier, done });
  }

  const close = (): void => {
    unsubscribe();
    for (const aborted of running.values()) aborted.abort();
    agent.session?.close();
  };
  const ended = new Promise<void>(resolve => {
    const silent = (): void => {
      hears = false;
      resolve();
    };
    const ended = (): void => {
      close();
      silent();
    };
    input.on("data", (chunk: Buffer | string) => split.push(Buffer.from(chunk)));
    // Whoever says no more may still read: what runs is answered, for as long as the drain that follows allows.
    input.once("end", silent);
    input.once("error", ended);
    output.once("error", ended);
  });
  return {
    ended,
    get hears() {
      return hears;
    },
    async drain(graceMs) {
      draining = true;
      for (const stop of held) stop();
      await requests.over(graceMs);
      return requests.running;
    },
    close,
  };
}

const isModern = (message: Request): boolean =>
  claimsModern(saidIn(message.params), undefined) || message.method === "server/discover";
