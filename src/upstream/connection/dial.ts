import type { AttemptFailure } from "../../core/failure.ts";
import type { NativeName, OwnerId } from "../../core/names.ts";
import type { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import { whenAborted } from "../../core/wait.ts";
import type { UpstreamEra } from "../../wire/era.ts";
import type { Message } from "../../wire/message.ts";
import type { Channel } from "../channel/channel.ts";
import type { OfferRoom } from "../channel/offer-room.ts";
import type { TransportWorld } from "../channel/opening.ts";
import { createResponder } from "../channel/responder.ts";
import type { Link } from "../conversation/link.ts";
import type { Parking } from "../conversation/suspended-calls.ts";
import type { Opened } from "./connector.ts";
import { discreet } from "./discretion.ts";
import { createEarlyMessages } from "./early-messages.ts";
import { negotiate, type Verdicts } from "./negotiate.ts";
import { createQuiet, KNOWN_QUIET, QUIET } from "./quiet.ts";
import { createKnowledge, type Speaks, type Spoken } from "./speaks.ts";
import type { StartSlot, StartSlots } from "./start-slots.ts";
import { firstStep, foundBy, nextStep, type Step } from "./steps.ts";
import type { Transport } from "./transports.ts";

/** What opening a conversation needs from the place where the gateway runs. */
export interface DialWorld extends TransportWorld {
  readonly parking: Parking;
  readonly slots: StartSlots;
  /** Shared by all that read lists. */
  readonly offerRoom: OfferRoom;
  /** What an earlier process, or conversation, has found out about an upstream. */
  recall?(): Spoken | undefined;
  keep?(spoken: Spoken): void;
}

/** Opens conversations with one upstream. */
export interface Dialer {
  /**
   * Opens a conversation in the wanted era, unless the upstream is known to lack it; else in the newest that it speaks.
   * What turns out to be lacking is made up for by the other.
   */
  open(listener: DialListener, wanted?: UpstreamEra["name"]): Promise<Opened>;
  /** What is known of what the upstream speaks. */
  readonly speaks: Speaks;
  /** Somebody waits for the conversations that are being opened. */
  hurry(): void;
  /** What is known of what the upstream speaks no longer holds. */
  forget(): void;
  /** The proxy on the way to it, fit to be shown. */
  readonly proxy: string | undefined;
  /** Last words of a child that is gone, or of one that is not open yet. */
  lastStderr(): readonly string[];
  /** What was odd so far about a conversation that is being opened. */
  trouble(): string | undefined;
  /** Answers that belonged to nothing. */
  readonly strays: Strays;
  /** Messages that held a secret of ours. */
  readonly hidden: number;
  close(): Promise<void>;
}

export interface Strays {
  readonly count: number;
  readonly last: string | undefined;
}

export interface DialListener {
  /** A message that belongs to no request. */
  message(link: Link, message: Message): void;
  /** The conversation is over, by itself or because it was closed. */
  lost(detail: string, link: Link): void;
  /** The upstream asks something in the middle of a call of that method, about what it calls so. */
  asked(method: string, native: NativeName): void;
  /** What the upstream may ask for on this link, where it learns that when the conversation opens. */
  readonly declared: Payload;
  /** The agent for which it is opened, if there is one. */
  readonly opener?: OwnerId | undefined;
  readonly signal: Signal;
}

/** What became of one channel. */
type Tried = { readonly kind: "open"; readonly link: Link; readonly verdicts: Verdicts } | Failed;
type Failed = { readonly kind: "failed"; readonly verdicts: Verdicts; readonly died: boolean } & AttemptFailure;

export function createDialer(transport: Transport, world: DialWorld): Dialer {
  const { clock, identity, parking, slots } = world;
  let hidden = 0;
  const opener = discreet(transport.opener(world), world.secrets, () => {
    hidden++;
  });
  const knowledge = createKnowledge(transport.protocol, {
    recall: () => world.recall?.(),
    keep: spoken => world.keep?.(spoken),
  });
  const opening = new Map<Channel, () => string | undefined>();
  const starting = new Set<StartSlot>();
  let strays: Strays = { count: 0, last: undefined };
  let stderr: readonly string[] = [];

  /** Starting is what takes the machine's strength, so only a few may do it at a time. */
  async function turn({ signal }: DialListener): Promise<() => void> {
    if (!transport.startsChild) return () => {};
    const slot = slots.take();
    const release = (): void => {
      withdraw();
      starting.delete(slot);
      slot.release();
    };
    starting.add(slot);
    const withdraw = whenAborted(signal, release);
    await slot.granted;
    return release;
  }

  async function attempt(listener: DialListener, step: Step): Promise<Tried> {
    const release = await turn(listener);
    try {
      return listener.signal.aborted ? STOPPED : await converse(listener, step);
    } finally {
      release();
    }
  }

  async function converse(listener: DialListener, { plan, isKnown }: Step): Promise<Tried> {
    let link: Link | undefined;
    let ended: string | undefined;
    let odd: string | undefined;
    const quiet = createQuiet(clock, isKnown ? KNOWN_QUIET : QUIET);
    const stray = (what: string): void => {
      strays = { count: strays.count + 1, last: what };
      if (!link) odd = `it sent ${what}`;
    };
    const early = createEarlyMessages({
      clock,
      lost: stray,
      respond: createResponder(text => channel.notify(text, {})),
    });
    const hear = (message: Message): void => (link ? listener.message(link, message) : early.take(message));
    const channel = opener.open({
      message: hear,
      alive: quiet.sign,
      stray,
      closed(detail) {
        stderr = wordsOf(channel);
        ended = detail;
        if (link) listener.lost(detail, link);
      },
    });
    opening.set(channel, () => [channel.trouble?.("opening"), odd].filter(Boolean).join("; ") || undefined);
    const { signal, declared, opener: agent, asked } = listener;
    const negotiated = await negotiate(
      {
        ...{
          channel,
          identity,
          clock,
          parking,
          signal,
          declared,
          opener: agent,
          asked,
          timeoutMs: transport.startTimeoutMs,
        },
        ...{
          silence: quiet.over,
          early: hear,
          unclaimed: hear,
          late: found => knowledge.learn(found, link?.serverInfo),
        },
      },
      plan,
    ).catch(stumbled);
    quiet.stop();
    opening.delete(channel);
    if (negotiated.kind === "open" && ended === undefined) {
      link = negotiated.link;
      early.pass(hear);
      return negotiated;
    }
    early.drop();
    const { verdicts } = negotiated;
    if (negotiated.kind === "open") {
      // It ended after its last answer: whoever got this link would wait for an end that was already told.
      return { kind: "failed", fault: "unreachable", delivery: "not_sent", detail: ended ?? "", verdicts, died: false };
    }
    const trouble = [channel.trouble?.("given_up"), odd].filter(Boolean);
    const endedItself = ended;
    await channel.close();
    stderr = wordsOf(channel);
    const died = channel.child?.pid !== undefined && (endedItself !== undefined || GONE.has(negotiated.fault));
    // How it ended says more than what was noticed of that before.
    if (endedItself !== undefined) return { ...negotiated, detail: endedItself, died };
    const detail = negotiated.fault === "timeout" ? overdue(transport.startTimeoutMs) : negotiated.detail;
    return { ...negotiated, detail: [detail, ...trouble].join("; "), died };
  }

  async function dial(listener: DialListener, wanted: UpstreamEra["name"] | undefined): Promise<Opened> {
    const { speaks, pinned } = knowledge;
    const steps: Step[] = [firstStep(speaks, { wanted, pinned })];
    const failures: Failed[] = [];
    for (const step of steps) {
      const tried = await attempt(listener, step);
      const all = [...failures, tried].map(({ verdicts }) => verdicts);
      if (tried.kind === "open") {
        knowledge.learn(foundBy(steps, all, tried.link.era.name), tried.link.serverInfo);
        return { kind: "open", link: tried.link };
      }
      failures.push(tried);
      const next = pinned || listener.signal.aborted ? undefined : nextStep(steps, all, tried);
      if (next) steps.push(next);
      // It may have been spoken to wrongly all the time.
      else if (tried.fault === "timeout") knowledge.forget();
    }
    return failedOf(failures);
  }

  return {
    async open(listener, wanted) {
      const { signal } = listener;
      const first = await dial(listener, wanted);
      if (first.kind === "open" || signal.aborted) return first;
      if (opener.turn?.()) {
        const second = await dial(listener, wanted);
        if (second.kind === "open") return second;
        opener.turnBack?.();
      }
      return opener.explain ? { kind: "failed", ...(await opener.explain(first, signal)) } : first;
    },
    proxy: opener.proxy,
    get speaks() {
      return knowledge.speaks;
    },
    hurry() {
      for (const slot of starting) slot.hurry();
    },
    forget: knowledge.forget,
    lastStderr: () => [...opening.keys()].map(wordsOf).find(lines => lines.length > 0) ?? stderr,
    trouble: () => [...opening.values()].map(told => told()).find(detail => detail !== undefined),
    get strays() {
      return strays;
    },
    get hidden() {
      return hidden;
    },
    close: () => opener.close(),
  };
}

/** Of several failures: that credentials are wanted, else what came of the question that most servers know. */
function failedOf(failures: readonly Failed[]): Opened {
  const wanting = failures.find(({ fault }) => fault === "auth_required");
  const { fault, delivery, detail, retryAfterMs } =
    wanting ?? failures.findLast(({ verdicts }) => verdicts.legacy) ?? failures.at(-1) ?? STOPPED;
  return { kind: "failed", fault, delivery, detail, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

const wordsOf = ({ child }: Channel): readonly string[] => child?.stderr() ?? [];

/** Faults of a child that is gone, or on its way. */
const GONE: ReadonlySet<AttemptFailure["fault"]> = new Set(["connection_lost", "unreachable"]);

const STOPPED: Failed = {
  ...{ kind: "failed", fault: "cancelled", delivery: "not_sent", detail: "the upstream was removed" },
  ...{ verdicts: {}, died: false },
};

const overdue = (timeoutMs: number): string =>
  `its handshake was not over within ${timeoutMs / 1_000} s; \`start_timeout\` gives it longer`;

/** What one upstream makes us stumble over must not end what all the others are served by. */
const stumbled = (error: unknown): { kind: "failed"; verdicts: Verdicts } & AttemptFailure => ({
  ...{ kind: "failed", fault: "protocol_error", delivery: "refused", verdicts: {} },
  detail: `its handshake could not be read: ${error instanceof Error ? error.message : String(error)}`,
});
