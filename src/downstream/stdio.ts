import type { View } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import type { Clock } from "../core/ports.ts";
import { systemClock } from "../lib/clock.ts";
import { lineSplitter } from "../wire/lines.ts";
import type { Message } from "../wire/message.ts";
import { checkModern, claimsModern } from "../wire/modern.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { anonymous } from "./agent-name.ts";
import { INVALID_CODES, readText } from "./batch.ts";
import { MAX_BODY_BYTES } from "./body.ts";
import { createChannelAgent } from "./channel-agent.ts";
import { asLine, messageExchange, reply } from "./exchange.ts";
import { answerModern } from "./modern-request.ts";
import { createEventRing } from "./resume.ts";
import { openSession } from "./session.ts";
import { createSessionIds } from "./session-ids.ts";

type Request = Extract<Message, { kind: "request" }>;

const ALL: View = { kind: "all" };
const ADDRESS = "stdio";

/**
 * Serves one agent on a pair of streams, in whichever revision each message is, until its input ends.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio
 */
export function serveStdio(options: {
  front: Front;
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  clock?: Clock;
}): Promise<void> {
  const { front, input, output, clock = systemClock } = options;
  const exchange = messageExchange(message => void output.write(asLine(message)));
  const running = new Map<string, AbortController>();
  const agent = createChannelAgent({
    exchange,
    open(params) {
      const principal = anonymous(ADDRESS, params.object("clientInfo"));
      const ids = createSessionIds(front.sealer).streams(ADDRESS, principal);
      // A pipe that broke is not taken up again.
      const events = createEventRing({ clock, budget: { bytes: 0 }, ids });
      return openSession({ front, clock, params, principal, events, view: ALL, id: ADDRESS });
    },
  });

  const unsubscribe = front.onChange((view, kinds) => {
    if (view.kind === "all") agent.session?.listsChanged(kinds);
  });
  const split = lineSplitter({ maxBytes: MAX_BODY_BYTES, onLine: receive, onTooLong: tooLong });

  function tooLong(): void {
    exchange.error(undefined, wireError(CODES.requestTooLarge, `A message is larger than ${MAX_BODY_BYTES} bytes`));
  }

  function receive(line: Buffer): void {
    const text = readText(line);
    if (text.kind === "invalid") {
      exchange.error(text.id, wireError(INVALID_CODES[text.reason], text.message));
    } else if (text.kind === "request" && isModern(text)) {
      void modern(text);
    } else {
      if (text.kind === "notification" && text.method === "notifications/cancelled") {
        running.get(text.params?.raw("requestId")?.toString("utf8") ?? "")?.abort();
      }
      void agent.receive(text);
    }
  }

  async function modern(message: Request): Promise<void> {
    const checked = checkModern(message, undefined);
    if (!checked.ok) return exchange.error(message.id, checked.error);
    const key = message.id.toString("utf8");
    if (running.has(key)) {
      return exchange.error(message.id, wireError(CODES.invalidRequest, `Request id ${key} is already in use`));
    }
    const aborted = new AbortController();
    running.set(key, aborted);
    const { signal } = aborted;
    const answer = await answerModern(
      front,
      { ...message, envelope: checked.envelope },
      {
        ...{ view: ALL, address: ADDRESS, headers: undefined, clock, signal },
        notify(text) {
          if (!signal.aborted) exchange.notify(text);
        },
        hold: () => {},
      },
    );
    running.delete(key);
    if (!signal.aborted) reply(exchange, message.id, answer);
  }

  return new Promise(resolve => {
    const ended = (): void => {
      unsubscribe();
      for (const aborted of running.values()) aborted.abort();
      agent.session?.close();
      resolve();
    };
    input.on("data", (chunk: Buffer | string) => split.push(Buffer.from(chunk)));
    input.once("end", ended);
    input.once("error", ended);
    output.once("error", ended);
  });
}

const isModern = (message: Request): boolean =>
  claimsModern(message.params, undefined) || message.method === "server/discover";
