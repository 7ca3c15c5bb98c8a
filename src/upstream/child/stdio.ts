import { isUtf8 } from "node:buffer";
import type { Behind } from "../../core/call.ts";
import type { AttemptFailure, Fault } from "../../core/failure.ts";
import { lineSplitter } from "../../wire/lines.ts";
import { oneLine } from "../../wire/message.ts";
import { passBy } from "../../wire/oversized.ts";
import type { Channel, ChannelChild, ChannelEvents, OutboundRequest, Reply } from "../channel/channel.ts";
import { cancelledText, createCorrelator } from "../channel/correlate.ts";
import type { FloodGate } from "../channel/flood-gate.ts";
import type { ReplyRoom } from "../channel/inbound-memory.ts";
import { readUpstreamMessage } from "../channel/read-message.ts";
import { withheldVariables } from "./child-environment.ts";
import { createLineWriter, type LineWriter, type Outgoing } from "./line-writer.ts";
import { type ProcessEndKind, type ProcessHost, type ProcessSpec, startProcess } from "./process.ts";
import { createStderrRing, printable } from "./stderr-ring.ts";
import { createThrottle, type Throttle } from "./throttle.ts";

export interface StdioOptions extends ProcessHost {
  readonly spec: ProcessSpec;
  /** Longest message of the child. */
  readonly maxMessageBytes?: number;
  /** Bytes that may wait for a child that reads slowly; one larger message is taken when nothing else waits. */
  readonly maxQueuedBytes?: number;
  /** Shared with everything else that comes from the same upstream. */
  readonly room?: ReplyRoom;
  readonly flood?: FloodGate;
  /** How long a child may leave its input unread while something waits. */
  readonly stallMs?: number;
}

/** What a child said that was no use. Counted from the start. */
export interface StdioCounts {
  /** Lines that are no JSON-RPC message. */
  readonly noise: number;
  readonly invalidUtf8: number;
  /** Late, repeated or unasked replies. */
  readonly dropped: number;
  /** The last line that was no message, cut; empty if there was none. */
  readonly lastNoise: string;
}

export interface StdioChannel extends Channel {
  readonly child: ChannelChild;
  counts(): StdioCounts;
}

const FAULTS = {
  ended: "connection_lost",
  not_started: "unreachable",
  cannot_run: "misconfigured",
} as const satisfies Record<ProcessEndKind, Fault>;
const OPEN_BRACE = 0x7b;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const NOISE_KEPT_BYTES = 200;
const NOISE_SHOWN_BYTES = 1_000;
const NOISE_READ_BYTES = 4_000;
const LINE_FEED = Buffer.from("\n");
const EXIT_MAY_FOLLOW_MS = 100;
/** What noise on stdout may cost: this many lines in 100 ms. */
const NOISE_BUDGET = { budget: 5_000, windowMs: 100 };

/**
 * A child process that speaks JSON-RPC, one message a line.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
 */
export function openStdioChannel(options: StdioOptions, events: ChannelEvents): StdioChannel {
  const { spec, clock, maxMessageBytes = 64 * 1024 * 1024, maxQueuedBytes = 1024 * 1024, stallMs = 3_000 } = options;
  const { hide = text => text } = options;
  const outgoing = new Map<number, Outgoing>();
  const counts = { noise: 0, invalidUtf8: 0, lastNoise: Buffer.alloc(0) };
  /** Lines on stdout that are no message. */
  const printed = createStderrRing(hide);
  let understood = false;
  let heard = 0;
  /** Why no new request is taken. */
  let ended: AttemptFailure | undefined;
  let writer: LineWriter | undefined;
  let throttle: Throttle | undefined;

  const correlator = createCorrelator({
    clock,
    onUnmatched: message => events.message(message),
    onStray: what => events.stray?.(what),
    onCancel(id) {
      const message = outgoing.get(id);
      if (message && !writer?.withdraw(message)) writer?.send([cancelledText(id)]);
    },
  });

  /** From now on nothing is sent. What was sent may still be answered, until the child is gone. */
  const refuse = (fault: "unreachable" | "misconfigured" | "overloaded", detail: string): void => {
    ended ??= { fault, delivery: "not_sent", detail };
    writer?.close();
  };

  const refusal = (): AttemptFailure | undefined => ended;

  const fail = (fault: Fault, detail: string): void => {
    refuse(fault === "misconfigured" ? fault : "unreachable", detail);
    correlator.failAll({ fault, delivery: "sent_unknown", detail });
  };

  const onNoise = (line: Buffer): void => {
    counts.noise++;
    // Before it is cut, so that no part of a secret is left.
    const shown = Buffer.from(hide(line.toString("utf8", 0, NOISE_READ_BYTES)));
    counts.lastNoise = shown.subarray(0, NOISE_KEPT_BYTES);
    printed.push(Buffer.concat([shown.subarray(0, NOISE_SHOWN_BYTES), LINE_FEED]));
    throttle?.spend(1);
  };

  const onLine = (line: Buffer): void => {
    const text = line[0] === BYTE_ORDER_MARK[0] && line.indexOf(BYTE_ORDER_MARK) === 0 ? line.subarray(3) : line;
    const isObject = startsObject(text);
    if (isObject) heard++;
    if (!isObject) onNoise(text);
    else onObject(text);
  };

  const onObject = (text: Buffer): void => {
    const message = readUpstreamMessage(text);
    if (message.kind !== "invalid") understood = true;
    else if (isUtf8(text)) onNoise(text);
    else {
      counts.invalidUtf8++;
      throttle?.spend(1);
    }
    const { dropped } = correlator;
    correlator.receive(message);
    const isUnasked = message.kind === "request" || message.kind === "notification" || correlator.dropped > dropped;
    if (isUnasked) rest(options.flood?.count(text.length));
  };

  const rest = (behind: Behind | undefined): void => {
    if (!behind) return;
    child.stdout?.pause();
    behind.caughtUp(() => child.stdout?.resume());
  };

  const holding = options.room?.open();
  const lines = lineSplitter({
    maxBytes: maxMessageBytes,
    onHeld(bytes) {
      if (holding && !holding.hold(bytes)) rest(holding);
    },
    onLine,
    onTooLong() {
      heard++;
      return passBy(seen => correlator.oversized(seen, maxMessageBytes));
    },
  });

  /** A bug of ours in what reads it costs this child, and no other. Where a line begins is not known after that. */
  let isLost = false;
  const read = (chunk: Buffer): void => {
    if (isLost) return;
    try {
      lines.push(chunk);
    } catch {
      isLost = true;
      child.kill(`the gateway failed to read what "${spec.command}" said, which is a bug of its own`);
    }
  };

  const child = startProcess(spec, options, {
    stdout: read,
    alive: () => events.alive?.(),
    closed({ how, detail }) {
      holding?.hold(0);
      fail(FAULTS[how], detail);
      // How it ended says more than what was noticed of that before.
      if (ended?.fault === "unreachable") ended = { ...ended, detail };
      events.closed([detail, ...hints(how === "ended" ? detail : undefined)].join("; "));
    },
  });

  /** Without one message ever understood, what it said instead and what it was not given are the best hints. */
  const hints = (detail: string | undefined): string[] => {
    if (understood) return [];
    const withheld = detail === undefined ? [] : withheldVariables(options.environment ?? {}, spec.env, detail);
    return [
      ...(counts.noise === 0 ? [] : [`it printed, instead of JSON-RPC: ${lastNoise()}`]),
      ...(withheld.length === 0 ? [] : [passOn(withheld)]),
    ];
  };

  const lastNoise = (): string => printable(counts.lastNoise.toString("utf8"));

  const onStall = (): void => {
    const detail = `"${spec.command}" did not read its input for ${stallMs} ms`;
    refuse("overloaded", detail);
    child.kill(detail);
  };

  /** A child that exits closes its stdin first: its exit says more. */
  const onBrokenInput = (): void => {
    const detail = `"${spec.command}" closed its stdin`;
    refuse("unreachable", detail);
    clock.after(EXIT_MAY_FOLLOW_MS, () => child.kill(detail));
  };

  if (child.stdout) throttle = createThrottle({ clock, stream: child.stdout, ...NOISE_BUDGET });
  if (child.stdin) {
    const limits = { clock, maxQueuedBytes, stallMs };
    writer = createLineWriter({ stream: child.stdin, ...limits, onStall, onError: onBrokenInput });
  }

  const send = (request: OutboundRequest): void => {
    if (!writer) return;
    const message = writer.send(request.parts.map(oneLine));
    if (message) outgoing.set(request.id, message);
    else {
      const detail = `more than ${maxQueuedBytes} bytes wait for "${spec.command}" to read its input`;
      correlator.fail(request.id, { fault: "overloaded", delivery: "not_sent", detail });
    }
  };

  /** What never left us was not sent, whatever became of its request. */
  const settled = (id: number, reply: Reply): Reply => {
    const message = outgoing.get(id);
    outgoing.delete(id);
    // An answer to what was never asked: it must not be asked later.
    if (message) writer?.withdraw(message);
    if (reply.kind !== "failed" || (message && message.state !== "dropped")) return reply;
    return { ...reply, delivery: "not_sent", ...(refusal()?.fault === "overloaded" && { fault: "overloaded" }) };
  };

  const request = (request: OutboundRequest, done: (reply: Reply) => void): void => {
    if (ended) done({ kind: "failed", ...ended });
    else if (correlator.open(request, reply => done(settled(request.id, reply)))) send(request);
  };

  const close = async (): Promise<void> => {
    fail("connection_lost", "the channel was closed");
    await child.stop();
  };

  return {
    request,
    notify: message =>
      new Promise(resolve => {
        if (!writer?.send([oneLine(message)], resolve)) resolve();
      }),
    close,
    discard: close,
    cancels: true,
    attributes: false,
    get heard() {
      return heard;
    },
    child: {
      pid: child.pid,
      stderr: () => [...child.stderr(), ...printed.lines().map(line => `[stdout] ${line}`)],
    },
    trouble: stage => hints(stage === "given_up" ? "" : undefined).join("; ") || undefined,
    counts: () => ({ ...counts, dropped: correlator.dropped, lastNoise: lastNoise() }),
  };
}

const passOn = (names: readonly string[]): string =>
  `of the gateway's environment it was not given what may lead to the network; inherit_env = ${JSON.stringify(names)} passes that on`;

function startsObject(text: Buffer): boolean {
  let at = 0;
  while (text[at] === 0x20 || text[at] === 0x09) at++;
  return text[at] === OPEN_BRACE;
}
