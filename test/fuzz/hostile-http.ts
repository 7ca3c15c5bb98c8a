import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readBody, streamableHttp } from "../fixtures/upstream/http.ts";
import { createState } from "../fixtures/upstream/state.ts";
import { fill } from "./corpus.ts";
import { type Asked, honestAnswer } from "./hostile-answers.ts";

/** A reply as it is on the wire, a body in good HTTP, a body of events in good HTTP, or raw text on a stream of events. */
export type Carried = "reply" | "body" | "events" | "stream";
export interface Evil {
  readonly name: string;
  readonly carried: Carried;
  readonly bytes: Buffer;
}

export interface HostileUpstream {
  readonly url: string;
  /** Numbers of those that were sent. */
  readonly said: ReadonlySet<number>;
  close(): Promise<void>;
}

type Say = (response: ServerResponse, bytes: Buffer) => void;
const inGoodHttp =
  (type: string): Say =>
  (response, bytes) =>
    void response.writeHead(200, { "content-type": type, "content-length": bytes.length }).end(bytes);

const SAY: Readonly<Record<Exclude<Carried, "stream">, Say>> = {
  reply: (response, bytes) => void response.socket?.end(bytes),
  body: inGoodHttp("application/json"),
  events: inGoodHttp("text/event-stream"),
};

async function listen(
  route: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    response.on("error", () => {});
    route(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.on("connection", socket => socket.on("error", () => {}));
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise(resolve => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Streamable HTTP: a good modern server but for its tool `hostile`, which answers call number `from` with that item. */
export async function startHostile(items: readonly Evil[]): Promise<HostileUpstream> {
  const state = createState({ era: "modern", name: "hostile", tools: ["echo"] });
  const definition = { name: "hostile", description: "Answers with anything", inputSchema: { type: "object" } };
  state.tools.set("hostile", { definition, run: () => ({ content: [] }) });
  const { route } = streamableHttp(state);
  const said = new Set<number>();
  const { port, close } = await listen(async (request, response) => {
    if (request.method !== "POST" || request.headers["mcp-name"] !== "hostile") return route(request, response);
    const { id, params } = JSON.parse((await readBody(request)).toString("utf8")) as Asked;
    const item = items[params?.arguments?.from ?? -1];
    if (!item || item.carried === "stream") return;
    said.add(params?.arguments?.from ?? -1);
    SAY[item.carried](response, fill(item.bytes, "id", String(id)));
  });
  return { url: `http://127.0.0.1:${port}/mcp`, said, close };
}

/** HTTP+SSE: everything is said on one stream; the honest answer of a call follows its items. */
export async function startHostileStream(items: readonly Evil[]): Promise<HostileUpstream> {
  const said = new Set<number>();
  let stream: ServerResponse | undefined;
  const { port, close } = await listen(async (request, response) => {
    if (request.method === "GET") {
      stream = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      return void response.write("event: endpoint\ndata: /messages\n\n");
    }
    const asked = JSON.parse((await readBody(request)).toString("utf8")) as Asked;
    response.writeHead(202).end();
    const { from = 0, to = 0 } = asked.params?.arguments ?? {};
    for (let at = from; at < to; at++) {
      const item = items[at];
      if (!item) continue;
      said.add(at);
      stream?.write(Buffer.concat([fill(item.bytes, "id", String(asked.id)), BLANK]));
    }
    const answer = honestAnswer(asked);
    if (answer !== undefined) stream?.write(`event: message\ndata: ${answer}\n\n`);
  });
  return { url: `http://127.0.0.1:${port}/sse`, said, close };
}

/** Ends whatever line and event was begun. */
const BLANK = Buffer.from("\n\n");
