// What mock-upstream.c does, for machines without a C compiler. Usage: node bench/mock-upstream.mjs PORT
import { createServer } from "node:http";

const META = { "io.modelcontextprotocol/serverInfo": { name: "mock", version: "1.0.0" } };
const HINTS = { resultType: "complete", ttlMs: 60_000, cacheScope: "public", _meta: META };
const ECHO = {
  name: "echo",
  description: "Answers as many bytes as asked for",
  inputSchema: { type: "object", properties: { size: { type: "integer" } } },
};

const results = {
  "server/discover": () => ({ supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, ...HINTS }),
  "tools/list": () => ({ tools: [ECHO], ...HINTS }),
  "tools/call": params => {
    const around = filled(0);
    const envelope = JSON.stringify({ jsonrpc: "2.0", id: 1, result: around }).length;
    return filled(Math.max(0, (params?.arguments?.size ?? 300) - envelope));
  },
};
const filled = size => ({
  resultType: "complete",
  content: [{ type: "text", text: "x".repeat(size) }],
  _meta: META,
});

function answer(body) {
  const { id, method, params } = JSON.parse(body);
  if (id === undefined) return { status: 202, text: "" };
  const result = results[method]?.(params);
  if (result) return { status: 200, text: JSON.stringify({ jsonrpc: "2.0", id, result }) };
  const error = { code: -32601, message: "Method not found" };
  return { status: 404, text: JSON.stringify({ jsonrpc: "2.0", id, error }) };
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", chunk => chunks.push(chunk));
  request.on("end", () => {
    const { status, text } = request.method === "POST" ? answer(Buffer.concat(chunks)) : { status: 405, text: "" };
    response.writeHead(status, ["Content-Type", "application/json", "Content-Length", String(Buffer.byteLength(text))]);
    response.end(text);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
