// The requests that the load is made of, as agents of both eras send them, and how one is made once.
import { connect } from "node:net";
import { decoded, readResponse } from "./response.mjs";

export const REVISION = "2026-07-28";
const LEGACY_REVISION = "2025-11-25";
const K = "io.modelcontextprotocol/";
const CLIENT = { name: "bench", version: "1.0.0" };
const ACCEPT = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
/** Digits that wrk.lua replaces where every request needs an id of its own. */
const FIRST_ID = 100_000;
const ANSWER_WITHIN_MS = 10_000;

const META = {
  [`${K}protocolVersion`]: REVISION,
  [`${K}clientInfo`]: CLIENT,
  [`${K}clientCapabilities`]: {},
};

const PARAMS = {
  "tools/call": (tool, args) => ({ name: tool, arguments: args }),
  "subscriptions/listen": () => ({ notifications: { toolsListChanged: true } }),
};

/**
 * `agent`: "modern" or "legacy"; `method`: one of `PARAMS`, or "tools/list", which needs none; of a call `tool`, `size` of the answer and
 * `text`, the length of an argument, in bytes.
 */
export function requestOf({ agent, method = "tools/call", tool = "echo", size = 300, text = 0 }) {
  const args = text > 0 ? { size, text: "x".repeat(text) } : { size };
  const params = PARAMS[method]?.(tool, args) ?? {};
  if (agent === "legacy") {
    const body = JSON.stringify({ jsonrpc: "2.0", id: FIRST_ID, method, params });
    return { headers: { ...ACCEPT, "MCP-Protocol-Version": LEGACY_REVISION }, body };
  }
  const names = method === "tools/call" ? { "Mcp-Method": method, "Mcp-Name": tool } : { "Mcp-Method": method };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: META } });
  return { headers: { ...ACCEPT, "MCP-Protocol-Version": REVISION, ...names }, body };
}

const linesOf = headers => Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
export const headerText = headers => linesOf(headers).join("\n");

/** Sends one request on a connection of its own. Resolves with the bytes of the response and what is in them. */
export async function post({ port, path }, { headers, body }, method = "POST") {
  const size = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...linesOf(headers), ...size];
  const bytes = await exchange(port, `${head.join("\r\n")}\r\n\r\n${body ?? ""}`);
  return { bytes, ...decoded(bytes) };
}

/** Resolves with the bytes of one response. */
function exchange(port, request) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let held = Buffer.alloc(0);
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error("no answer in time")));
    socket.on("data", chunk => {
      held = Buffer.concat([held, chunk]);
      try {
        const response = readResponse(held);
        if (response) resolve(held.subarray(0, response.end));
        if (response) socket.destroy();
      } catch (error) {
        socket.destroy(error);
      }
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection was closed without an answer")));
    socket.write(request);
  });
}

/** Opens a session as agents of the handshake do. Resolves with its id, or "-" where the server keeps none. */
export async function openSession(place) {
  const params = { protocolVersion: LEGACY_REVISION, capabilities: {}, clientInfo: CLIENT };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
  const answer = await post(place, { headers: ACCEPT, body });
  if (!answer.message?.result) throw new Error(`no session: ${answer.head}\n${answer.text.slice(0, 500)}`);
  const id = /\r\nmcp-session-id: *(\S+)/i.exec(answer.head)?.[1] ?? "-";
  const version = answer.message.result.protocolVersion;
  const headers = withSession({ ...ACCEPT, "MCP-Protocol-Version": version }, id);
  await post(place, { headers, body: JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }) });
  return id;
}

export const withSession = (headers, id) =>
  id === undefined || id === "-" ? headers : { ...headers, "Mcp-Session-Id": id };

/** Names of the tools that are listed there. */
export async function toolNames(place, agent) {
  const request = requestOf({ agent, method: "tools/list" });
  const session = agent === "legacy" ? await openSession(place) : undefined;
  const { message } = await post(place, { ...request, headers: withSession(request.headers, session) });
  return (message?.result?.tools ?? []).map(({ name }) => name);
}
