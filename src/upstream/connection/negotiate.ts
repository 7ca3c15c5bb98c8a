import type { AttemptFailure, Fault } from "../../core/failure.ts";
import type { Clock } from "../../core/ports.ts";
import { Aborter } from "../../core/signal.ts";
import { whenAborted } from "../../core/wait.ts";
import type { UpstreamEra } from "../../wire/era.ts";
import type { Message } from "../../wire/message.ts";
import type { Channel } from "../channel/channel.ts";
import { createLink, type Link, type LinkParts } from "../conversation/link.ts";
import { type Asking, OPENINGS, type Verdict } from "./openings.ts";
import type { Speaks } from "./speaks.ts";

type EraName = UpstreamEra["name"];

/** What to ask on one channel. */
export interface Plan {
  readonly first: EraName;
  /** When the upstream is asked for the other era as well, on the same channel. */
  readonly other: "never" | "after_silence" | "after_anything";
}

/** What each question brought, of those that were asked; `silent`: nothing so far. */
export type Verdicts = { readonly [era in EraName]?: Verdict | Silent };
interface Silent {
  readonly kind: "silent";
}

export type Negotiated =
  | { readonly kind: "open"; readonly link: Link; readonly verdicts: Verdicts }
  | ({ readonly kind: "failed"; readonly verdicts: Verdicts } & AttemptFailure);

/** What the link is made of, as far as it is known before the upstream has answered. */
export interface Handshake
  extends Pick<LinkParts, "parking" | "asked" | "unclaimed" | "opener">,
    Pick<Asking, "identity" | "declared" | "signal"> {
  readonly channel: Channel;
  readonly clock: Clock;
  /** For the whole handshake. */
  readonly timeoutMs: number;
  /** The upstream has been silent for so long that it may not know the first question. */
  readonly silence: Promise<void>;
  /** Takes what comes with the answers. */
  early(message: Message): void;
  /** What it speaks besides, found out when the conversation is open already. */
  late(found: Partial<Speaks>): void;
}

const OTHER: Readonly<Record<EraName, EraName>> = { legacy: "modern", modern: "legacy" };
/** A question and what came of it. */
type Asked = [EraName, Verdict];
const SILENT: Silent = { kind: "silent" };

/** Faults that say nothing about the era: asking in another way would not help. */
const CONCLUSIVE: ReadonlySet<Fault> = new Set([
  ...(["unreachable", "misconfigured", "rate_limited", "cancelled", "overloaded"] as const),
  "stopped",
]);
/** Whether asking in another way, or once more, would not help. */
export const isConclusive = ({ fault }: AttemptFailure): boolean => CONCLUSIVE.has(fault);

/**
 * Finds out in which era the upstream can be spoken to on this channel, and opens the conversation. A question that was
 * asked stays open: whichever answer is good wins, whenever it comes.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#backward-compatibility-with-initialization-based-versions
 */
export async function negotiate(handshake: Handshake, plan: Plan): Promise<Negotiated> {
  const unwanted = new Aborter();
  const withdraw = whenAborted(handshake.signal, () => unwanted.abort());
  try {
    return await converse(handshake, plan, unwanted);
  } finally {
    withdraw();
  }
}

/** `unwanted`: ends the questions whose answers would leave something behind. */
async function converse(handshake: Handshake, plan: Plan, unwanted: Aborter): Promise<Negotiated> {
  const { clock, timeoutMs, silence } = handshake;
  const endsAt = clock.now() + timeoutMs;
  let id = Math.floor(Math.random() * 2 ** 31);
  const nextId = (): number => id++;
  const verdicts: { [era in EraName]?: Verdict | Silent } = {};

  async function ask(era: EraName): Promise<Asked> {
    verdicts[era] = SILENT;
    const timing = { nextId, timeoutMs: Math.max(0, endsAt - clock.now()) };
    const signal = OPENINGS[era].opensSession && !handshake.signal.aborted ? unwanted.signal : handshake.signal;
    const verdict = await OPENINGS[era].ask({ ...handshake, ...timing, signal, onMessage: handshake.early });
    verdicts[era] = verdict;
    return [era, verdict];
  }

  async function open(name: EraName, { introduction }: Verdict & { kind: "agreed" }): Promise<Negotiated> {
    const era = OPENINGS[name].era(handshake.identity);
    await OPENINGS[name].agree(handshake.channel, introduction.version);
    unwanted.abort();
    return { kind: "open", link: createLink({ ...handshake, era, introduction, nextId }), verdicts: { ...verdicts } };
  }

  const { first, other } = plan;
  const asked = [ask(first)];
  const early = await (other === "never"
    ? asked[0]!
    : Promise.race([asked[0]!, silence.then(() => [first, SILENT] as const)]));
  const [, verdict] = early;
  if (verdict.kind === "agreed") return open(first, verdict);
  const isOver = verdict.kind === "failed" && isConclusive(verdict);
  if (!isOver && (other === "after_anything" || (other === "after_silence" && verdict.kind === "silent"))) {
    asked.push(ask(OTHER[first]));
  }
  const good = await firstAgreed(asked);
  if (!good) return { kind: "failed", ...worst(verdicts), verdicts };
  void learnLate(asked, good[0], handshake);
  return open(...good);
}

/** A server under load may answer what it was asked first after what it was asked next. */
async function learnLate(asked: readonly Promise<Asked>[], agreed: EraName, { late }: Handshake): Promise<void> {
  for (const [era, verdict] of await Promise.all(asked)) {
    if (era !== agreed && verdict.kind === "agreed") late(verdict.found);
  }
}

function firstAgreed(asked: readonly Promise<Asked>[]): Promise<[EraName, Verdict & { kind: "agreed" }] | undefined> {
  return new Promise(resolve => {
    let left = asked.length;
    for (const one of asked) {
      void one.then(([era, verdict]) => {
        if (verdict.kind === "agreed") resolve([era, verdict]);
        else if (--left === 0) resolve(undefined);
      });
    }
  });
}

/** What to say of several questions that all failed: credentials that are wanted, else what most servers understand. */
function worst({ legacy, modern }: Verdicts): AttemptFailure {
  const failures = [legacy, modern].flatMap(one => (one?.kind === "refused" || one?.kind === "failed" ? one : []));
  const { fault, delivery, detail, retryAfterMs } =
    failures.find(({ fault }) => fault === "auth_required") ?? failures[0] ?? NOTHING_ASKED;
  return { fault, delivery, detail, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

const NOTHING_ASKED: AttemptFailure = { fault: "protocol_error", delivery: "not_sent", detail: "nothing was asked" };
