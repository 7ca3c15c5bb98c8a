import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { objectionTo, readResponse, readResponses } from "./responses.ts";

/** An answer that has not come by then counts as lost. */
const PATIENCE_MS = 60_000;
const NAMED: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};
const REVISION = "io.modelcontextprotocol/protocolVersion";

/** The headers that a well-behaved agent would send with such a body, as far as the body tells. */
export function headersFor(body: Buffer): Record<string, string> {
  try {
    const { method, params } = JSON.parse(body.toString("utf8"));
    const version = params?._meta?.[REVISION];
    if (typeof version !== "string") return {};
    const name = params[NAMED[method] ?? ""];
    return {
      "mcp-protocol-version": printable(version),
      "mcp-method": printable(method),
      ...(typeof name === "string" && { "mcp-name": printable(name) }),
    };
  } catch {
    return {};
  }
}

const printable = (text: unknown): string =>
  String(text)
    .replace(/[^\x21-\x7e]/g, "?")
    .slice(0, 1_000);

/** A whole HTTP request around a body. */
export function requestAround(body: Buffer, host: string, headers: Readonly<Record<string, string>>): Buffer {
  const all = { ...headersFor(body), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST /mcp HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n`;
  return Buffer.concat([Buffer.from(`${head}${lines.join("")}content-length: ${body.length}\r\n\r\n`), body]);
}

export interface Wire {
  /** Sends one well-formed HTTP request. Resolves with what is wrong with its answer. */
  exchange(request: Buffer): Promise<string | undefined>;
  close(): void;
}

/** A connection that is used again for as long as the gateway keeps it. */
export function openWire(port: number): Wire {
  let socket: Socket | undefined;
  const opened = (): Socket => {
    if (socket?.writable) return socket;
    socket = connect(port, "127.0.0.1").on("error", () => {});
    return socket;
  };
  return {
    exchange(request) {
      const current = opened();
      let held: Buffer = Buffer.alloc(0);
      return new Promise(resolve => {
        const finish = (objection: string | undefined): void => {
          clearTimeout(timer);
          current.off("data", take).off("close", lost);
          resolve(objection);
        };
        const take = (chunk: Buffer): void => {
          held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
          const response = readResponse(held);
          if (response?.end === undefined) return;
          if (response.end < held.length || response.head.includes("connection: close")) current.destroy();
          finish(objectionTo(response));
        };
        // A refusal may cut a large body short; then the connection is gone, and its words may be too.
        const lost = (): void => finish(held.length > 0 || request.length > 65_536 ? undefined : "no answer at all");
        const timer = setTimeout(() => {
          current.destroy();
          finish(`no answer in time: ${held.toString("latin1").slice(0, 200)}`);
        }, PATIENCE_MS);
        current.on("data", take).on("close", lost);
        current.write(request);
      });
    },
    close: () => socket?.destroy(),
  };
}

/** Sends these bytes on a connection of their own, and nothing after them. Resolves with what is wrong with the answers. */
export async function throwAt(port: number, bytes: Buffer): Promise<string | undefined> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  const chunks: Buffer[] = [];
  socket.on("data", chunk => chunks.push(chunk)).end(bytes);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.destroy();
  }, PATIENCE_MS);
  await once(socket, "close");
  clearTimeout(timer);
  const { responses } = readResponses(Buffer.concat(chunks));
  return late ? "the connection stays open" : responses.map(objectionTo).find(objection => objection !== undefined);
}
