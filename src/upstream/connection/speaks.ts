import type { Payload } from "../../core/payload.ts";
import type { UpstreamEra } from "../../wire/era.ts";

type EraName = UpstreamEra["name"];

/** What an upstream can be spoken to in; `undefined`: never tried. */
export type Speaks = { readonly [era in EraName]: boolean | undefined };

/** What is kept of it for the next process. */
export interface Spoken {
  readonly speaks: Speaks;
  /** The upstream's name for itself, with its version: another one may speak differently. */
  readonly server: string | undefined;
}

/** Keeps what was found out about one upstream. */
export interface Knowledge {
  readonly speaks: Speaks;
  /** Whether the configuration, or the transport, leaves no choice. */
  readonly pinned: boolean;
  learn(found: Partial<Speaks>, serverInfo: Payload | undefined): void;
  /** It no longer holds. */
  forget(): void;
}

const UNKNOWN: Speaks = { legacy: undefined, modern: undefined };
/** What each value of `protocol` settles. */
const PINNED = {
  auto: undefined,
  legacy: { legacy: true, modern: false },
  modern: { legacy: false, modern: true },
} as const satisfies Record<"auto" | EraName, Speaks | undefined>;

/** `protocol`: what the configuration, or the transport, settles. */
export function createKnowledge(
  protocol: keyof typeof PINNED,
  memory: { recall(): Spoken | undefined; keep(spoken: Spoken): void },
): Knowledge {
  const pinned = PINNED[protocol];
  let spoken: Spoken = { speaks: pinned ?? UNKNOWN, server: undefined };
  let recalled = pinned !== undefined;

  /** Read when it is first needed: most upstreams are not, at the start. */
  const current = (): Spoken => {
    if (!recalled) spoken = memory.recall() ?? spoken;
    recalled = true;
    return spoken;
  };

  return {
    get speaks() {
      return current().speaks;
    },
    pinned: pinned !== undefined,
    learn(found, serverInfo) {
      if (pinned) return;
      const before = current();
      const server = serverInfo && nameOf(serverInfo);
      const held = before.server === undefined || before.server === server ? before.speaks : hopes(before.speaks);
      const after: Spoken = { speaks: { ...held, ...found }, server };
      spoken = after;
      if (!isSame(before, after)) memory.keep(after);
    },
    forget() {
      if (pinned) return;
      recalled = true;
      spoken = { speaks: UNKNOWN, server: undefined };
    },
  };
}

/** A new version may have learnt what an old one could not. */
const hopes = ({ legacy, modern }: Speaks): Speaks => ({ legacy: legacy || undefined, modern: modern || undefined });

const nameOf = (serverInfo: Payload): string =>
  JSON.stringify([serverInfo.string("name") ?? "", serverInfo.string("version") ?? ""]);

const isSame = (a: Spoken, b: Spoken): boolean =>
  a.server === b.server && a.speaks.legacy === b.speaks.legacy && a.speaks.modern === b.speaks.modern;
