import type { Caller, View } from "../core/call.ts";
import type { Kind } from "../core/catalog.ts";
import type { Front } from "../core/front.ts";
import { ownerId, type Principal, principal } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { initializeResult, legacyAgent } from "../wire/legacy.ts";
import { type Message, notificationText } from "../wire/message.ts";
import { isLogLevel, LIST_CHANGED_OF } from "../wire/methods.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { type LegacyVersion, negotiateLegacy } from "../wire/versions.ts";
import { type Exchange, reply } from "./exchange.ts";
import { type Answer, serve } from "./serve.ts";

type Request = Extract<Message, { kind: "request" }>;
type Notification = Extract<Message, { kind: "notification" }>;

/** The conversation with one agent that opened it with `initialize`. Knows no transport. */
export interface Session {
  readonly id: string;
  readonly version: LegacyVersion;
  readonly view: View;
  request(message: Request, exchange: Exchange): Promise<void>;
  notification(message: Notification): void;
  /** Tells that lists changed, on the stream for messages of our own, now or when there is one. */
  listsChanged(kinds: readonly Kind[]): void;
  /** Opens the way for messages of our own; a later one takes the place of an earlier one. */
  attach(send: (message: Buffer) => void): () => void;
  /** Ends calls that still run, and conversations that upstreams hold for this agent. */
  close(): void;
}

export interface SessionOptions {
  readonly front: Front;
  readonly view: View;
  readonly id: string;
  /** Where the agent comes from, for limits. */
  readonly address: string;
  /** Parameters of its `initialize`. */
  readonly params: Payload;
}

const EMPTY = Payload.of({});

export function openSession(options: SessionOptions): { session: Session; answer: Answer } {
  const { front, view, id, params } = options;
  const version = negotiateLegacy(params.string("protocolVersion"));
  const client = params.object("clientInfo");
  const caller: Caller = {
    principal: anonymous(options.address, client),
    agent: agentName(client),
    owner: ownerId(id),
    capabilities: params.object("capabilities") ?? EMPTY,
  };
  const running = new Map<string, AbortController>();
  const changed = new Set<string>();
  let logLevel: string | undefined;
  let send: ((message: Buffer) => void) | undefined;

  async function request(message: Request, exchange: Exchange): Promise<void> {
    const key = message.id.toString("utf8");
    if (running.has(key)) {
      return exchange.error(message.id, wireError(CODES.invalidRequest, `Request id ${key} is already in use`));
    }
    const aborted = new AbortController();
    running.set(key, aborted);
    try {
      const answer = await answerRequest(message, exchange, aborted.signal);
      if (!aborted.signal.aborted) reply(exchange, message.id, answer);
    } finally {
      running.delete(key);
    }
  }

  function answerRequest(message: Request, exchange: Exchange, signal: AbortSignal): Promise<Answer> | Answer {
    const own = OWN_METHODS.get(message.method);
    const params = message.params ?? EMPTY;
    if (own) return own(params, setLogLevel);
    const agent = { caller, view, era: legacyAgent, logLevel };
    return serve(front, agent, { method: message.method, params, signal, notify: text => exchange.notify(text) });
  }

  function setLogLevel(level: string): void {
    logLevel = level;
  }

  function flush(): void {
    if (!send) return;
    for (const method of changed) send(notificationText(method));
    changed.clear();
  }

  const session: Session = {
    id,
    version,
    view,
    request,
    notification(message) {
      if (message.method !== "notifications/cancelled") return;
      const requestId = message.params?.raw("requestId")?.toString("utf8");
      if (requestId !== undefined) running.get(requestId)?.abort();
    },
    listsChanged(kinds) {
      for (const kind of kinds) changed.add(LIST_CHANGED_OF[kind]);
      flush();
    },
    attach(stream) {
      send = stream;
      flush();
      return () => {
        if (send === stream) send = undefined;
      };
    },
    close() {
      for (const aborted of running.values()) aborted.abort();
      front.release(caller.owner);
    },
  };
  const profile = front.view(view)?.profile();
  const answer: Answer = profile
    ? { kind: "result", result: initializeResult(version, profile) }
    : { kind: "error", error: wireError(CODES.invalidParams, "This upstream is not configured") };
  return { session, answer };
}

type OwnMethod = (params: Payload, setLogLevel: (level: string) => void) => Answer;

/** What a session answers by itself. */
const OWN_METHODS: ReadonlyMap<string, OwnMethod> = new Map<string, OwnMethod>([
  ["ping", () => ({ kind: "result", result: EMPTY })],
  ["initialize", () => refused(CODES.invalidRequest, "This session is already initialized")],
  [
    "logging/setLevel",
    (params, setLogLevel) => {
      const level = params.string("level") ?? "";
      if (!isLogLevel(level)) return refused(CODES.invalidParams, `Unknown log level: ${level}`);
      setLogLevel(level);
      return { kind: "result", result: EMPTY };
    },
  ],
]);

const refused = (code: number, message: string): Answer => ({ kind: "error", error: wireError(code, message) });

const LONGEST_NAME = 64;

/** An agent that nobody authenticated: where it comes from and what it calls itself. For fairness, not for security. */
export function anonymous(address: string, client: Payload | undefined): Principal {
  return principal(`${address} ${(client?.string("name") ?? "").slice(0, LONGEST_NAME)}`);
}

export function agentName(client: Payload | undefined): string {
  const name = client?.string("name") ?? "unknown";
  const version = client?.string("version");
  return (version === undefined ? name : `${name}/${version}`).slice(0, 2 * LONGEST_NAME);
}
