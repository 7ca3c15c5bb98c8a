import { broken, type Call, type Layer, type Noted, type Outcome } from "../core/call.ts";
import { methodOf } from "../core/methods.ts";
import { waiting } from "../core/pass.ts";
import type { Clock } from "../core/ports.ts";
import type { LineSink } from "./audit.ts";
import { createStamps, isRound, member, traceOf, who } from "./log-lines.ts";
import type { Redacted, Redactor } from "./redact.ts";

/** A log that can say of a line that it is in the file, whatever becomes of this process. */
export interface CommittingSink extends LineSink {
  commit(line: Redacted): boolean | Promise<boolean>;
}

export interface SendingOptions {
  readonly log: CommittingSink;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly logRequests: boolean;
  /** Whether a call of which no line can be written is not sent. */
  readonly blocks: boolean;
  /** How much of the parameters is logged as it is, in bytes. */
  readonly maxBytes: number;
  /** Ids of calls, each given once. */
  nextId(): string;
}

const UNLOGGED: Outcome = { kind: "failed", failure: { kind: "unlogged" } };

/**
 * Writes a line of a call before it is sent, so that it can be named when this process does not live to see its end: of
 * every call that may have an effect, and of every one at all where none may be without a line.
 */
export function sending(options: SendingOptions): Layer {
  const { log, blocks, clock, redactor } = options;
  const stamp = createStamps();

  function lineOf(call: Call, noted: Noted): Redacted {
    const { caller, method, target, continues } = call;
    const trace = traceOf(noted.request);
    noted.who = who(
      { agent: caller.agent, principal: caller.principal, method, target, trace, round: isRound(call) },
      redactor,
    );
    const upstream = member("upstream", continues?.upstream ?? holdersOf(call), redactor);
    const params = noted.params === undefined ? "" : `,"params":${noted.params}`;
    const time = stamp({ wall: clock.wall(), mono: clock.now() });
    const about = `"id":"${noted.id}"${noted.who}${upstream}${params}`;
    return `{${time},"event":"sending",${about},"bytesIn":${noted.request.size}}` as Redacted;
  }

  return next =>
    function announced(call, done) {
      const { noted } = call;
      if (!noted || !(blocks || mayHaveEffect(call))) return next(call, done);
      noted.id = options.nextId();
      if (options.logRequests) {
        noted.params = redactor.json(noted.request.bytes, { maxBytes: options.maxBytes, isScanned: true });
      }
      const committed = log.commit(lineOf(call, noted));
      // One that goes on with an earlier call is not refused: that one runs already.
      const decide = (isWritten: boolean): void => {
        if (isWritten || !blocks || isRound(call)) next(call, done);
        else done(UNLOGGED);
      };
      if (committed instanceof Promise) waiting(committed, { done, broken }, decide);
      else decide(committed);
    };
}

/** Whoever of several gets it is known when it has ended. */
function holdersOf({ subject }: Call): string | undefined {
  if (subject?.kind !== "found") return undefined;
  const { holders } = subject.entry;
  return holders.length === 1 ? holders[0].upstream : holders.map(({ upstream }) => upstream).join(" ");
}

/** Whether the world may be another one after it. What a tool says of itself is no reason to write nothing down. */
const mayHaveEffect = (call: Call): boolean => methodOf(call.method).effect !== "none" || isRound(call);
