import { setTimeout as sleep } from "node:timers/promises";
import type { Answered, RequestOptions } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent, type Posted } from "../fixtures/agents/http.ts";
import { type LineAgent, sseAgent, stdioAgent } from "../fixtures/agents/lines.ts";
import { copyInbox, createInbox, type Inbox } from "../fixtures/agents/wire.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { asObject, type Json, type RpcMessage } from "../fixtures/upstream/contract.ts";
import type { AgentKind } from "./kinds.ts";

/** Where the gateway can be reached; the agents on stdio start one of their own. */
export interface Place {
  readonly base: string;
  readonly url: string;
  readonly configPath: string;
  readonly dir: string;
}

export interface Conversation {
  readonly last: Answered;
  readonly asked: readonly Json[];
  /** Everything that came before an answer. */
  readonly before: readonly RpcMessage[];
}

export interface EraAgent {
  readonly kind: AgentKind;
  request(method: string, params?: Json, options?: RequestOptions): Promise<Answered>;
  /** The least severe log level that it wants from now on. */
  setLevel(level: string): Promise<void>;
  /** Calls a tool or prompt and answers what it is asked, to the end. */
  converse(method: string, params: Json): Promise<Conversation>;
  /** Sends a request and takes it back as soon as it has begun. */
  giveUp(params: Json, begun: Promise<void>): Promise<void>;
  /** From now on it hears of changed tool lists, and of these resources. Resolves with the resources it will hear of. */
  listen(uris: readonly string[]): Promise<readonly string[]>;
  /** What it was told outside of any request. */
  readonly told: Inbox<RpcMessage>;
  /** Sends a JSON array of requests. */
  readonly post: ((body: string) => Promise<Posted>) | undefined;
  close(): Promise<void>;
}

/** An upstream that does not answer must not hide what the others did. */
const PATIENCE_MS = 8_000;

const META = "io.modelcontextprotocol/";

/** What an agent of this name says to a question. */
export function answerTo(name: string, { method, params = {} }: { method?: string; params?: Json }): Json | undefined {
  switch (method) {
    case "elicitation/create":
      if (params.mode === "url") return { action: "accept" };
      return { action: "accept", content: { value: `${name} ${String(params.message)}` } };
    case "sampling/createMessage": {
      const [first] = params.messages as { content: Json }[];
      const content = { type: "text", text: `${name} ${String(first?.content.text)}` };
      return { role: "assistant", model: "none", content };
    }
    case "roots/list":
      return { roots: [{ uri: `file:///${encodeURIComponent(name)}` }] };
    default:
      return undefined;
  }
}

export function connect(kind: AgentKind, place: Place): Promise<EraAgent> {
  if (kind.revision < "2026") return kind.transport === "http" ? overSessions(kind, place) : overLine(kind, place);
  return kind.transport === "http" ? overPosts(kind, place) : overModernLine(kind, place);
}

/** A session's questions come as requests, and everything else that it is told comes beside its answers. */
function legacy(
  kind: AgentKind,
  open: (respond: (question: RpcMessage) => Json | undefined) => Promise<{
    request: EraAgent["request"];
    cancel(requestId: number): Promise<unknown>;
    hear(): Promise<Inbox<RpcMessage>>;
    post?: (body: string) => Promise<Posted>;
    close(): Promise<void>;
  }>,
): Promise<EraAgent> {
  const asked: Json[] = [];
  const respond = (question: RpcMessage) => {
    asked.push({ method: question.method, params: question.params ?? {} });
    return answerTo(kind.name, question);
  };
  return open(respond).then(async line => {
    // The handshake was the first.
    let sent = 1;
    const request: EraAgent["request"] = (...args) => {
      sent++;
      return line.request(...args);
    };
    const told = await line.hear();
    return {
      kind,
      request,
      told,
      post: line.post,
      close: line.close,
      setLevel: async level => void (await request("logging/setLevel", { level })),
      async converse(method, params) {
        const from = asked.length;
        const last = await request(method, params);
        return { last, asked: asked.slice(from), before: last.before };
      },
      async giveUp(params, begun) {
        const call = request("tools/call", params).catch(() => {});
        const id = sent;
        await begun;
        await line.cancel(id);
        void call;
      },
      async listen(uris) {
        const honoured: string[] = [];
        const all = uris.map(async uri => {
          const { message } = await request("resources/subscribe", { uri });
          if (message?.result) honoured.push(uri);
        });
        await Promise.race([Promise.all(all), sleep(PATIENCE_MS)]);
        return honoured;
      },
    };
  });
}

function overSessions(kind: AgentKind, { url }: Place): Promise<EraAgent> {
  return legacy(kind, async respond => {
    const { revision, name, capabilities } = kind;
    const versionHeader = revision > "2025-03-26";
    const agent = await legacyAgent(url, revision, { capabilities, name, respond, versionHeader });
    return {
      request: agent.request,
      cancel: requestId => agent.notify("notifications/cancelled", { requestId }),
      hear: async () => (await agent.listen()).inbox,
      post: agent.post,
      close: agent.close,
    };
  });
}

function overLine(kind: AgentKind, place: Place): Promise<EraAgent> {
  return legacy(kind, async respond => {
    const { revision: version, name, capabilities, transport } = kind;
    const options = { version, capabilities, name, respond };
    const agent = transport === "sse" ? await sseAgent(`${place.base}/sse`, options) : await ownGateway(place, options);
    return {
      request: agent.request,
      cancel: requestId => agent.notify("notifications/cancelled", { requestId }),
      hear: async () => messagesOf(agent),
      close: agent.close,
    };
  });
}

const ownGateway = ({ configPath, dir }: Place, options: Parameters<typeof stdioAgent>[2]): Promise<LineAgent> =>
  stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio", "--config", configPath], { ...options, cwd: dir });

/** The lines of an agent as messages, those of the past and those to come. */
function messagesOf(agent: LineAgent): Inbox<RpcMessage> {
  const inbox = createInbox<RpcMessage>();
  const push = agent.inbox.push;
  agent.inbox.push = text => {
    inbox.push(JSON.parse(text) as RpcMessage);
    push(text);
  };
  return inbox;
}

type Ask = (method: string, params: Json, options: RequestOptions) => Promise<Answered>;

/** A modern agent's questions are results, and what it is told comes on a subscription. */
function modern(kind: AgentKind, ask: Ask): Omit<EraAgent, "giveUp" | "listen" | "told" | "close" | "post"> {
  let level: string | undefined;
  const request: EraAgent["request"] = (method, params = {}, options = {}) => {
    const meta = { ...asObject(params._meta), ...(level !== undefined && { [`${META}logLevel`]: level }) };
    return ask(method, Object.keys(meta).length > 0 ? { ...params, _meta: meta } : params, options);
  };
  return {
    kind,
    request,
    setLevel: async wanted => {
      level = wanted;
    },
    async converse(method, params) {
      const asked: Json[] = [];
      let last = await request(method, params);
      const before = [...last.before];
      while (last.message?.result?.resultType === "input_required") {
        const { inputRequests, requestState } = last.message.result;
        const questions = Object.entries(asObject(inputRequests)) as [string, Json][];
        asked.push(...questions.map(([, question]) => question));
        const inputResponses = Object.fromEntries(
          questions.map(([key, question]) => [key, answerTo(kind.name, question)]),
        );
        last = await request(method, { ...params, inputResponses, requestState });
        before.push(...last.before);
      }
      return { last, asked, before };
    },
  };
}

const FILTER = (uris: readonly string[]): Json => ({ toolsListChanged: true, resourceSubscriptions: uris });
const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const honoured = ({ params }: RpcMessage): readonly string[] =>
  (asObject(params?.notifications).resourceSubscriptions ?? []) as string[];

async function overPosts(kind: AgentKind, { url }: Place): Promise<EraAgent> {
  const { capabilities, name } = kind;
  const agent = modernAgent(url, { capabilities, name });
  const told = createInbox<RpcMessage>();
  let end = () => {};
  return {
    ...modern(kind, agent.request),
    told,
    post: agent.post,
    async giveUp(params, begun) {
      const controller = new AbortController();
      const call = agent.request("tools/call", params, { signal: controller.signal }).catch(() => {});
      await begun;
      controller.abort();
      await call;
    },
    async listen(uris) {
      // A child that has to be started first may be too late for the acknowledgement; the next time it is there.
      for (const until = performance.now() + PATIENCE_MS; ; end()) {
        const { inbox, close } = await agent.listen(FILTER(uris));
        end = close;
        copyInbox(inbox, told);
        const heard = honoured(await inbox.next(({ method }) => method === ACKNOWLEDGED));
        if (heard.length === uris.length || performance.now() > until) return heard;
      }
    },
    close: async () => end(),
  };
}

async function overModernLine(kind: AgentKind, place: Place): Promise<EraAgent> {
  const { capabilities, name, revision } = kind;
  const agent = await ownGateway(place, { version: undefined, name });
  const told = messagesOf(agent);
  const meta = {
    [`${META}protocolVersion`]: revision,
    [`${META}clientInfo`]: { name, version: "1.0.0" },
    [`${META}clientCapabilities`]: capabilities,
  };
  let sent = 0;
  const ask: Ask = (method, params, options) => {
    sent++;
    const _meta = { ...meta, ...asObject(params._meta) };
    const { rawParams } = options;
    if (rawParams === undefined) return agent.request(method, { ...params, _meta }, options);
    const spliced = `${rawParams.slice(0, -1)},"_meta":${JSON.stringify(_meta)}}`;
    return agent.request(method, {}, { ...options, rawParams: spliced });
  };
  return {
    ...modern(kind, ask),
    told,
    post: undefined,
    async giveUp(params, begun) {
      void ask("tools/call", params, {}).catch(() => {});
      const requestId = sent;
      await begun;
      await agent.notify("notifications/cancelled", { requestId });
    },
    async listen(uris) {
      void ask("subscriptions/listen", { notifications: FILTER(uris) }, {}).catch(() => {});
      return honoured(await told.next(({ method }) => method === ACKNOWLEDGED));
    },
    close: agent.close,
  };
}
