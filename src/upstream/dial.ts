import type { NativeName } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";
import type { UpstreamEra } from "../wire/era.ts";
import type { Speaks } from "../wire/era-choice.ts";
import type { Message } from "../wire/message.ts";
import type { Identity } from "../wire/modern.ts";
import type { Opened } from "./connector.ts";
import type { Link } from "./link.ts";
import { type Known, negotiate } from "./negotiate.ts";
import type { Parking } from "./parking.ts";
import type { Transport, TransportWorld } from "./transports.ts";

/** What opening a conversation needs from the place where the gateway runs. */
export interface DialWorld extends TransportWorld {
  readonly identity: Identity;
  readonly parking: Parking;
}

/** Opens conversations with one upstream. */
export interface Dialer {
  /** In the wanted era where the upstream speaks it; without one, in the newest that it speaks. */
  open(listener: DialListener, wanted?: UpstreamEra["name"]): Promise<Opened>;
  /** What it is known to speak. */
  readonly speaks: Speaks;
  /** What is known of the upstream's revision no longer holds. */
  forget(): void;
  /** Last words of a child that is gone. */
  lastStderr(): readonly string[];
  close(): Promise<void>;
}

export interface DialListener {
  /** A message that belongs to no request; `link` is `undefined` until the handshake is over. */
  message(link: Link | undefined, message: Message): void;
  /** The conversation is over, by itself or because it was closed. */
  lost(detail: string, link: Link): void;
  /** The upstream asks something in the middle of a call of that method, about what it calls so. */
  asked(method: string, native: NativeName): void;
  /** What the upstream may ask for on this link, where it learns that when the conversation opens. */
  readonly declared: Payload;
  readonly signal: AbortSignal;
}

const HANDSHAKE = { timeoutMs: 30_000, probeTimeoutMs: 5_000 } as const;

const stumbled = (error: unknown): Opened => ({
  kind: "failed",
  fault: "protocol_error",
  delivery: "refused",
  detail: `its handshake could not be read: ${error instanceof Error ? error.message : String(error)}`,
});

export function createDialer(transport: Transport, world: DialWorld): Dialer {
  const opener = transport.opener(world);
  let known = transport.known;
  let speaks: Speaks = { legacy: undefined, modern: transport.known === "legacy" ? false : undefined };
  let stderr: readonly string[] = [];

  async function open(listener: DialListener, trying: Known): Promise<Opened> {
    let link: Link | undefined;
    let ended: string | undefined;
    const channel = opener.open({
      message: message => listener.message(link, message),
      closed(detail) {
        stderr = channel.stderr();
        ended = detail;
        if (link) listener.lost(detail, link);
      },
    });
    const { identity, clock, parking } = world;
    const { signal, declared, asked } = listener;
    const unclaimed = (message: Message): void => listener.message(link, message);
    const handshake = { channel, identity, clock, parking, signal, declared, asked, unclaimed, ...HANDSHAKE };
    // What one upstream makes us stumble over must not end what all the others are served by.
    const negotiated = await negotiate(handshake, trying).catch(stumbled);
    if (negotiated.kind === "open" && ended !== undefined) {
      // It ended after its last answer: whoever got this link would wait for an end that was already told.
      return { kind: "failed", fault: "unreachable", delivery: "not_sent", detail: ended };
    }
    if (negotiated.kind === "open") {
      link = negotiated.link;
      known ??= link.era.name;
      speaks = {
        ...speaks,
        ...(link.era.declaresAtOpening && trying !== "legacy" && { modern: false }),
        [link.era.name]: true,
      };
      return negotiated;
    }
    await channel.close();
    stderr = channel.stderr();
    known = transport.known;
    // Some servers end on the first request that they do not know; they get the one that they do.
    const diedOfTheQuestion = trying === undefined && negotiated.fault === "connection_lost";
    return diedOfTheQuestion ? open(listener, "legacy") : negotiated;
  }

  return {
    async open(listener, wanted) {
      const opened = await open(listener, wanted ?? known);
      if (wanted === undefined || opened.kind === "open" || opened.fault !== "protocol_error") return opened;
      const other = await open(listener, undefined);
      if (other.kind === "open") speaks = { ...speaks, [wanted]: false };
      return other;
    },
    get speaks() {
      return speaks;
    },
    forget() {
      known = transport.known;
    },
    lastStderr: () => stderr,
    close: () => opener.close(),
  };
}
