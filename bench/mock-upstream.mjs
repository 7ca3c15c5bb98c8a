// What mock-upstream.c does, byte for byte in its bodies, for machines without a C compiler. Its comment says what is
// spoken at which path. Usage: node bench/mock-upstream.mjs PORT, or … stdio
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const META = { "io.modelcontextprotocol/serverInfo": { name: "mock", version: "1.0.0" } };
const HINTS = { resultType: "complete", ttlMs: 3_600_000, cacheScope: "public", _meta: META };
const SCHEMA = { type: "object", properties: { size: { type: "integer" }, text: { type: "string" } } };
const RESULT_MAX = 4 * 1024 * 1024 - 4096;
const TOOLS_MAX = 10_000;

const toolName = ({ tools, key }, at) => (at === tools - 1 ? "echo" : `p${key}_tool_${String(at).padStart(5, "0")}`);
const toolsOf = flavour =>
  Array.from({ length: flavour.tools }, (_, at) => ({
    name: toolName(flavour, at),
    description: `Answers as many bytes as asked for (${flavour.key})`,
    inputSchema: SCHEMA,
  }));

function filled({ legacy }, size) {
  const content = [{ type: "text", text: "x".repeat(Math.min(size, RESULT_MAX)) }];
  return legacy ? { content } : { resultType: "complete", content, _meta: META };
}

function called(flavour, params) {
  const envelope = JSON.stringify({ jsonrpc: "2.0", id: 1, result: filled(flavour, 0) }).length;
  return filled(flavour, Math.max(0, (params?.arguments?.size ?? 300) - envelope));
}

const initialized = (_, params) => ({
  protocolVersion: params?.protocolVersion ?? "2025-11-25",
  capabilities: { tools: {} },
  serverInfo: { name: "mock", version: "1.0.0" },
});
const both = { "tools/call": called };
const MODERN = {
  ...both,
  "server/discover": () => ({ supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ...HINTS }),
  "tools/list": flavour => ({ tools: toolsOf(flavour), ...HINTS }),
};
const LEGACY = {
  ...both,
  initialize: initialized,
  ping: () => ({}),
  "tools/list": flavour => ({ tools: toolsOf(flavour) }),
};

/** What is spoken at a path. */
function flavourOf(path) {
  const [, tools, key] = /^\/tools\/(\d+)(?:\/(\d+))?/.exec(path) ?? [];
  return {
    legacy: path.startsWith("/legacy"),
    stream: path.startsWith("/sse"),
    tools: tools >= 1 && tools <= TOOLS_MAX ? Number(tools) : 1,
    key: Number(key ?? 0),
  };
}

/** The text of the answer and its HTTP status; an empty text where nothing is to be answered. */
function answer(flavour, { id, method, params }) {
  if (id === undefined) return { status: 202, text: "" };
  const result = (flavour.legacy ? LEGACY : MODERN)[method]?.(flavour, params);
  if (result) return { status: 200, text: JSON.stringify({ jsonrpc: "2.0", id, result }) };
  const error = { code: -32601, message: "Method not found" };
  return { status: flavour.legacy ? 200 : 404, text: JSON.stringify({ jsonrpc: "2.0", id, error }) };
}

let sessions = 0;

function post(request, body) {
  const flavour = flavourOf(request.url);
  const message = JSON.parse(body);
  const opens = flavour.legacy && message.method === "initialize";
  if (flavour.legacy && !opens && !request.headers["mcp-session-id"]) return { status: 400, text: "", more: [] };
  const more = opens ? ["Mcp-Session-Id", `mock-${String(++sessions).padStart(8, "0")}`] : [];
  const { status, text } = answer(flavour, message);
  return { status, text, more, stream: flavour.stream && message.method === "tools/call" };
}

function respond(request, response, body) {
  const refused = { status: request.method === "DELETE" ? 200 : 405, text: "", more: [] };
  const { status, text, more, stream } = request.method === "POST" ? post(request, body) : refused;
  if (stream) {
    response.writeHead(status, ["Content-Type", "text/event-stream"]);
    return response.end(`event: message\ndata: ${text}\n\n`);
  }
  const length = ["Content-Length", String(Buffer.byteLength(text))];
  response.writeHead(status, ["Content-Type", "application/json", ...more, ...length]);
  return response.end(text);
}

function speakLines() {
  const flavour = flavourOf("/mcp");
  createInterface({ input: process.stdin }).on("line", line => {
    const { text } = answer(flavour, JSON.parse(line));
    if (text) process.stdout.write(`${text}\n`);
  });
}

if (process.argv[2] === "stdio") speakLines();
else {
  createServer((request, response) => {
    const chunks = [];
    request.on("data", chunk => chunks.push(chunk));
    request.on("end", () => respond(request, response, Buffer.concat(chunks)));
  }).listen(Number(process.argv[2]), "127.0.0.1");
}
