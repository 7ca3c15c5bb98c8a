// The feature server of TypeScript SDK v2, handed the release that it is built of. It speaks both eras. See ../README.md.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const text = value => ({ content: [{ type: "text", text: String(value) }] });
/** Clients drop progress that arrives together with the answer. */
const STEP_MS = 10;
const FORM = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const STATIC = "fleet://static";

/** Makes a server for one session, one connection or, where there are neither, one request. */
const featureOf = ({ sdk, z }) => {
  // Over HTTP in the modern era an instance lives for one request, so what it adds has to be the process's.
  let everywhere = false;

  return ({ era, published }) => {
    const mcp = new sdk.McpServer(
      { name: "fleet", version: "1.0.0" },
      { capabilities: { logging: {}, resources: { subscribe: true } } },
    );
    const tool = (name, inputSchema, run, more = {}) =>
      mcp.registerTool(name, { description: name, inputSchema: z.object(inputSchema), ...more }, run);
    const subscribed = new Set();
    let grown;
    const addGrown = () => {
      if (grown) mcp.sendToolListChanged();
      grown ??= tool("grown", {}, async () => text("grown"));
    };

    tool("add", { a: z.number(), b: z.number() }, async ({ a, b }) => text(a + b));
    tool("progress", {}, async (_, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (let progress = 1; progress <= 3 && progressToken !== undefined; progress++) {
        await mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken, progress, total: 3, message: `step ${progress}` },
        });
        await sleep(STEP_MS);
      }
      return text("done");
    });
    tool("log", {}, async (_, { mcpReq }) => {
      for (let line = 1; line <= 4; line++) await mcpReq.log("info", `line ${line}`, "fleet");
      return text("logged");
    });
    tool("elicit", {}, async (_, { mcpReq }) => {
      const { action, content } = await mcpReq.elicitInput({ message: "Who are you?", requestedSchema: FORM });
      return text(action === "accept" ? `hello ${content.name}` : action);
    });
    tool("sample", {}, async (_, { mcpReq }) => {
      const messages = [{ role: "user", content: { type: "text", text: "say something" } }];
      const { content } = await mcpReq.requestSampling({ messages, maxTokens: 100 });
      return text(content.text);
    });
    tool("roots", {}, async () => text((await mcp.server.listRoots()).roots.map(({ uri }) => uri).join(" ")));
    tool("ask", {}, async (_, { mcpReq }) => {
      const answer = sdk.inputResponse(mcpReq.inputResponses, "who");
      if (answer.kind === "missing")
        return sdk.inputRequired({
          inputRequests: { who: sdk.inputRequired.elicit({ message: "Who are you?", requestedSchema: FORM }) },
        });
      return text(answer.action === "accept" ? `hello ${answer.content.name}` : answer.action);
    });
    tool("grow", {}, async () => {
      if (published) {
        everywhere = true;
        published().toolsChanged();
      } else {
        addGrown();
      }
      return text("grew");
    });
    tool("slow", { seconds: z.number() }, async ({ seconds }) => {
      await sleep(seconds * 1000);
      return text("awake");
    });
    tool("fail", {}, async () => ({ ...text("failed on purpose"), isError: true }));
    tool("structured", {}, async () => ({ ...text('{"sum":3}'), structuredContent: { sum: 3 } }), {
      outputSchema: z.object({ sum: z.number() }),
    });
    tool("whoami", {}, async (_, { mcpReq }) => {
      const client = mcpReq.envelope ? mcpReq.envelope[sdk.CLIENT_INFO_META_KEY] : mcp.server.getClientVersion();
      const capabilities = mcpReq.envelope
        ? mcpReq.envelope[sdk.CLIENT_CAPABILITIES_META_KEY]
        : mcp.server.getClientCapabilities();
      return text(JSON.stringify({ name: client?.name, capabilities }));
    });
    tool("touch", {}, async () => {
      if (published) published().resourceUpdated(STATIC);
      else if (era === "modern") await mcp.server.sendResourceUpdated({ uri: STATIC });
      else for (const uri of subscribed) await mcp.server.sendResourceUpdated({ uri });
      return text("touched");
    });
    if (published && everywhere) addGrown();

    mcp.registerResource("static", STATIC, { mimeType: "text/plain" }, async uri => ({
      contents: [{ uri: uri.href, mimeType: "text/plain", text: "static text" }],
    }));
    mcp.registerResource(
      "item",
      new sdk.ResourceTemplate("fleet://item/{id}", { list: undefined }),
      { mimeType: "text/plain" },
      async (uri, { id }) => ({
        contents: [{ uri: uri.href, mimeType: "text/plain", text: `item ${id}` }],
      }),
    );
    const name = sdk.completable(z.string(), value =>
      ["alice", "albert", "bob"].filter(known => known.startsWith(value)),
    );
    mcp.registerPrompt("greet", { description: "greet", argsSchema: z.object({ name }) }, async ({ name: who }) => ({
      messages: [{ role: "user", content: { type: "text", text: `Say hello to ${who}.` } }],
    }));
    if (era === "legacy") {
      mcp.server.setRequestHandler("resources/subscribe", async ({ params }) => {
        subscribed.add(params.uri);
        return {};
      });
      mcp.server.setRequestHandler("resources/unsubscribe", async ({ params }) => {
        subscribed.delete(params.uri);
        return {};
      });
    }
    return mcp;
  };
};

/** Legacy clients get a session each, modern ones are served request by request: both on one port. */
function listen({ sdk, node, build }, port) {
  const sessions = new Map();
  const strict = sdk.createMcpHandler(context => build({ ...context, published: () => strict.notify }), {
    legacy: "reject",
  });
  const modern = node.toNodeHandler(strict);
  const refuse = (res, status, message) =>
    res
      .writeHead(status, { "content-type": "application/json" })
      .end(JSON.stringify({ jsonrpc: "2.0", error: { code: -32000, message }, id: null }));

  async function legacy(req, res, body) {
    const id = req.headers["mcp-session-id"];
    let transport = sessions.get(id);
    if (!transport && id === undefined && sdk.isInitializeRequest(body)) {
      transport = new node.NodeStreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: session => void sessions.set(session, transport),
      });
      transport.onclose = () => sessions.delete(transport.sessionId);
      await build({ era: "legacy" }).connect(transport);
    }
    if (!transport)
      return refuse(
        res,
        id === undefined ? 400 : 404,
        id === undefined ? "Bad Request: Session ID required" : "Session not found",
      );
    await transport.handleRequest(req, res, body);
  }

  const [validHost, validOrigin] = [node.localhostHostValidation(), node.localhostOriginValidation()];
  createServer(async (req, res) => {
    if (req.url !== "/mcp") return res.writeHead(404).end();
    if (!validHost(req, res) || !validOrigin(req, res)) return;
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = req.method === "POST" ? JSON.parse(Buffer.concat(chunks).toString("utf8")) : undefined;
    const asked = await node.toWebRequest(req, body);
    await ((await sdk.isLegacyRequest(asked)) ? legacy(req, res, body) : modern(req, res, body));
  }).listen(port, "127.0.0.1");
}

/** Serves until it is ended: on the standard streams, or with `--http PORT`. */
export function serve({ sdk, stdio, node, z }) {
  const build = featureOf({ sdk, z });
  const [flag, port] = process.argv.slice(2);
  if (flag === "--http") listen({ sdk, node, build }, Number(port));
  else stdio.serveStdio(build);
}
