import { isUtf8 } from "node:buffer";
import type { View } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import { ownerId } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { AGENT_TEXT } from "../core/scan.ts";
import { lineSplitter } from "../wire/lines.ts";
import { type Message, readMessage } from "../wire/message.ts";
import { checkModern, claimsModern, discoverResult, type ModernEnvelope, modernAgent } from "../wire/modern.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { MAX_BODY_BYTES } from "./body.ts";
import { asLine, messageExchange, reply } from "./exchange.ts";
import { type Answer, serve } from "./serve.ts";
import { agentName, anonymous, openSession, type Session } from "./session.ts";

type Request = Extract<Message, { kind: "request" }>;

const ALL: View = { kind: "all" };
const EMPTY = Payload.of({});

/**
 * Serves one agent on a pair of streams, in whichever revision it speaks, until its input ends.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio
 */
export function serveStdio(options: {
  front: Front;
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}): Promise<void> {
  const { front, input, output } = options;
  const exchange = messageExchange(message => void output.write(asLine(message)));
  const running = new Map<string, AbortController>();
  let session: Session | undefined;

  const unsubscribe = front.onChange((view, kinds) => {
    if (view.kind === "all") session?.listsChanged(kinds);
  });
  const split = lineSplitter({ maxBytes: MAX_BODY_BYTES, onLine: receive, onTooLong: tooLong });

  function tooLong(): void {
    exchange.error(undefined, wireError(CODES.requestTooLarge, `A message is larger than ${MAX_BODY_BYTES} bytes`));
  }

  function receive(line: Buffer): void {
    const message = isUtf8(line) ? readMessage(line, AGENT_TEXT) : NOT_UTF8;
    if (message.kind === "invalid") {
      const code = message.reason === "shape" ? CODES.invalidRequest : CODES.parseError;
      exchange.error(message.id, wireError(code, message.message));
    } else if (message.kind === "request") void request(message);
    else if (message.kind === "notification") {
      const requestId = message.params?.raw("requestId")?.toString("utf8");
      if (message.method === "notifications/cancelled" && requestId !== undefined) running.get(requestId)?.abort();
      session?.notification(message);
    }
  }

  async function request(message: Request): Promise<void> {
    if (claimsModern(message.params, undefined) || message.method === "server/discover") return modern(message);
    if (session) return session.request(message, exchange);
    if (message.method === "ping") return exchange.result(message.id, EMPTY);
    if (message.method !== "initialize") {
      return exchange.error(message.id, wireError(CODES.invalidRequest, "The first request must be initialize"));
    }
    const opened = openSession({ front, view: ALL, id: "stdio", address: "stdio", params: message.params ?? EMPTY });
    reply(exchange, message.id, opened.answer);
    session = opened.session;
    session.attach(exchange.send);
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
    const answer = await answerModern(message, checked.envelope, aborted.signal);
    running.delete(key);
    if (!aborted.signal.aborted) reply(exchange, message.id, answer);
  }

  function answerModern(message: Request, envelope: ModernEnvelope, signal: AbortSignal): Promise<Answer> | Answer {
    const profile = message.method === "server/discover" ? front.view(ALL)?.profile() : undefined;
    if (profile) return { kind: "result", result: discoverResult(profile) };
    const principal = anonymous("stdio", envelope.clientInfo);
    const caller = {
      principal,
      agent: agentName(envelope.clientInfo),
      owner: ownerId(principal),
      capabilities: envelope.capabilities,
    };
    const agent = { caller, view: ALL, era: modernAgent, logLevel: envelope.logLevel };
    return serve(front, agent, {
      method: message.method,
      params: message.params ?? EMPTY,
      signal,
      notify: exchange.notify,
    });
  }

  return new Promise(resolve => {
    const ended = (): void => {
      unsubscribe();
      for (const aborted of running.values()) aborted.abort();
      session?.close();
      resolve();
    };
    input.on("data", (chunk: Buffer | string) => split.push(Buffer.from(chunk)));
    input.once("end", ended);
    input.once("error", ended);
    output.once("error", ended);
  });
}

const NOT_UTF8 = {
  kind: "invalid",
  reason: "syntax",
  message: "the message is not valid UTF-8",
  id: undefined,
} as const;
