// The feature server of TypeScript SDK v1, handed the release that it is built of. See ../README.md.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const text = value => ({ content: [{ type: "text", text: String(value) }] });
/** Clients drop progress that arrives together with the answer. */
const STEP_MS = 10;
const FORM = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };

/** A server for one session: what it adds later, only that session sees. */
function feature({ McpServer, ResourceTemplate, completable, schemas, z }) {
  const mcp = new McpServer(
    { name: "fleet", version: "1.0.0" },
    { capabilities: { logging: {}, resources: { subscribe: true } } },
  );
  const tool = (name, inputSchema, run, more = {}) =>
    mcp.registerTool(name, { description: name, inputSchema, ...more }, run);
  const subscribed = new Set();
  let grown;

  tool("add", { a: z.number(), b: z.number() }, async ({ a, b }) => text(a + b));
  tool("progress", {}, async (_, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (let progress = 1; progress <= 3 && progressToken !== undefined; progress++) {
      await extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken, progress, total: 3, message: `step ${progress}` },
      });
      await sleep(STEP_MS);
    }
    return text("done");
  });
  tool("log", {}, async (_, extra) => {
    for (let line = 1; line <= 4; line++)
      await extra.sendNotification({
        method: "notifications/message",
        params: { level: "info", logger: "fleet", data: `line ${line}` },
      });
    return text("logged");
  });
  // As the SDK's own examples do: the question is not tied to the call that asks it.
  tool("elicit", {}, async () => {
    const { action, content } = await mcp.server.elicitInput({ message: "Who are you?", requestedSchema: FORM });
    return text(action === "accept" ? `hello ${content.name}` : action);
  });
  tool("sample", {}, async (_, extra) => {
    const messages = [{ role: "user", content: { type: "text", text: "say something" } }];
    const params = { messages, maxTokens: 100 };
    const { content } = await extra.sendRequest(
      { method: "sampling/createMessage", params },
      schemas.CreateMessageResultSchema,
    );
    return text(content.text);
  });
  tool("roots", {}, async () => text((await mcp.server.listRoots()).roots.map(({ uri }) => uri).join(" ")));
  tool("grow", {}, async () => {
    if (!grown) grown = tool("grown", {}, async () => text("grown"));
    else mcp.sendToolListChanged();
    return text("grew");
  });
  tool("slow", { seconds: z.number() }, async ({ seconds }) => {
    await sleep(seconds * 1000);
    return text("awake");
  });
  tool("fail", {}, async () => ({ ...text("failed on purpose"), isError: true }));
  tool("structured", {}, async () => ({ ...text('{"sum":3}'), structuredContent: { sum: 3 } }), {
    outputSchema: { sum: z.number() },
  });
  tool("whoami", {}, async () =>
    text(
      JSON.stringify({ name: mcp.server.getClientVersion()?.name, capabilities: mcp.server.getClientCapabilities() }),
    ),
  );
  tool("touch", {}, async () => {
    for (const uri of subscribed) await mcp.server.sendResourceUpdated({ uri });
    return text("touched");
  });

  mcp.registerResource("static", "fleet://static", { mimeType: "text/plain" }, async uri => ({
    contents: [{ uri: uri.href, mimeType: "text/plain", text: "static text" }],
  }));
  mcp.registerResource(
    "item",
    new ResourceTemplate("fleet://item/{id}", { list: undefined }),
    { mimeType: "text/plain" },
    async (uri, { id }) => ({
      contents: [{ uri: uri.href, mimeType: "text/plain", text: `item ${id}` }],
    }),
  );
  const argsSchema = {
    name: completable(z.string(), value => ["alice", "albert", "bob"].filter(name => name.startsWith(value))),
  };
  mcp.registerPrompt("greet", { description: "greet", argsSchema }, async ({ name }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Say hello to ${name}.` } }],
  }));
  mcp.server.setRequestHandler(schemas.SubscribeRequestSchema, async ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  mcp.server.setRequestHandler(schemas.UnsubscribeRequestSchema, async ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
  return mcp;
}

/** One transport and one server per session, as the SDK's README has it. */
function listen(sdk, port) {
  const sessions = new Map();
  const reply = (res, status, message) =>
    res
      .writeHead(status, { "content-type": "application/json" })
      .end(JSON.stringify({ jsonrpc: "2.0", error: { code: -32000, message }, id: null }));
  createServer(async (req, res) => {
    if (req.url !== "/mcp") return res.writeHead(404).end();
    const id = req.headers["mcp-session-id"];
    let body;
    if (req.method === "POST") {
      const chunks = [];
      for await (const chunk of req) chunks.push(chunk);
      body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    }
    let transport = sessions.get(id);
    if (!transport && id === undefined && req.method === "POST" && sdk.schemas.isInitializeRequest(body)) {
      transport = new sdk.StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: session => sessions.set(session, transport),
      });
      transport.onclose = () => sessions.delete(transport.sessionId);
      await feature(sdk).connect(transport);
    }
    if (!transport) return reply(res, 400, "Bad Request: No valid session ID provided");
    await transport.handleRequest(req, res, body);
  }).listen(port, "127.0.0.1");
}

/** Serves until it is ended: on the standard streams, or with `--http PORT`. */
export async function serve(sdk) {
  const [flag, port] = process.argv.slice(2);
  if (flag === "--http") return listen(sdk, Number(port));
  await feature(sdk).connect(new sdk.StdioServerTransport());
}
