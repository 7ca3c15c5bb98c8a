import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  type ClientCapabilities,
  ListRootsRequestSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, test } from "vitest";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { everythingOver, STDIO_SERVERS } from "../fixtures/real-servers.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();

interface Connected {
  readonly client: Client;
  /** How often it was told that the tools have changed. */
  changes(): number;
  names(): Promise<string[]>;
  close(): Promise<void>;
}

async function connect(transport: Transport, capabilities: ClientCapabilities = {}): Promise<Connected> {
  const client = new Client({ name: "own-catalogs", version: "1.0.0" }, { capabilities });
  let changes = 0;
  if (capabilities.roots) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///a" }] }));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    changes++;
  });
  await client.connect(transport);
  return keep({
    client,
    changes: () => changes,
    names: async () => (await client.listTools()).tools.map(({ name }) => name).sort(),
    close: () => client.close(),
  });
}

const over = (url: string) => new StreamableHTTPClientTransport(new URL(url)) as Transport;

async function gatewayFor(...upstreams: Json[]): Promise<GatewayRun> {
  const gateway = keep(await startGateway({ toml: configToml(upstreams) }));
  await gateway.until();
  return gateway;
}

describe("a server that lists tools by what its client can be asked for", () => {
  const ABLE: readonly ClientCapabilities[] = [
    {},
    { roots: { listChanged: true } },
    { sampling: {} },
    { elicitation: {} },
    { roots: {}, sampling: {}, elicitation: {} },
  ];

  async function shows(directly: (capabilities: ClientCapabilities) => Promise<Connected>, gateway: GatewayRun) {
    const seen = new Set<string>();
    for (const capabilities of ABLE) {
      const direct = await directly(capabilities);
      const paths = [gateway.of("everything"), gateway.url];
      const agents = await Promise.all(paths.map(url => connect(over(url), capabilities)));
      let lists: string[][] = [];
      // Such a server adds tools a moment after its client has come.
      await poll(async () => {
        lists = await Promise.all([direct, ...agents].map(one => one.names()));
        return lists.every(names => names.join() === lists[0]?.join());
      });
      expect([lists[1], lists[2]]).toEqual([lists[0], lists[0]]);
      seen.add(String(lists[0]?.length));
    }
    expect(seen.size).toBeGreaterThan(2);
  }

  test("lists the same through us, as a child that agents share", async () => {
    const server = STDIO_SERVERS.everything(process.cwd());
    const gateway = await gatewayFor(server.config);
    const { command, args } = server.config as unknown as { command: string; args: string[] };
    await shows(
      capabilities => connect(new StdioClientTransport({ command, args, stderr: "ignore" }), capabilities),
      gateway,
    );
  });

  test("gives the first agent all of its list at once, for which the child is started again", async () => {
    const gateway = await gatewayFor(STDIO_SERVERS.everything(process.cwd()).config);
    const names = await (await connect(over(gateway.url), { roots: {}, sampling: {} })).names();
    expect(names).toEqual(expect.arrayContaining(["get-roots-list", "trigger-sampling-request"]));
  });

  test("lists the same through us, over HTTP", async () => {
    const server = keep(await everythingOver("http"));
    const url = String(server.config.url);
    const gateway = await gatewayFor({ ...server.config, name: "everything" });
    await shows(capabilities => connect(over(url), capabilities), gateway);
  });
});

/** A server that adds a tool to one session when that session asks for it, as the SDK makes it. */
async function growingServer() {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const bodyOf = async (request: IncomingMessage) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    return text === "" ? undefined : JSON.parse(text);
  };
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const server = new McpServer({ name: "growing", version: "1.0.0" });
    const said = (text: string) => ({ content: [{ type: "text" as const, text }] });
    server.registerTool("grow", {}, () => {
      server.registerTool("grown", {}, () => said("I am yours"));
      return said("grew");
    });
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => void transports.set(id, transport),
    });
    await server.connect(transport as Transport);
    return transport;
  };
  const server = createServer(async (request, response) => {
    const known = transports.get(String(request.headers["mcp-session-id"]));
    const body = request.method === "POST" ? await bodyOf(request) : undefined;
    if (!known && body?.method !== "initialize") return void response.writeHead(404).end();
    await (known ?? (await open())).handleRequest(request, response, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return keep({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    sessions: () => transports.size,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  });
}

/** The same as a child, which has one session for all. */
const GROWING_CHILD = `
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
const server = new McpServer({ name: "growing", version: "1.0.0" });
const said = text => ({ content: [{ type: "text", text }] });
let grown = 0;
server.registerTool("grow", {}, () => {
  server.registerTool("grown" + ++grown, {}, () => said("I am new"));
  return said("grew");
});
await server.connect(new StdioServerTransport());
`;

describe("a server that adds a tool for all of its agents", () => {
  test.each(["/mcp", "/mcp/growing"])("lists it to the agent whose call did that, at once (%s)", async path => {
    const args = ["--input-type=module", "--eval", GROWING_CHILD];
    const child = { name: "growing", transport: "stdio", command: process.execPath, args, cwd: process.cwd() };
    const gateway = await gatewayFor(child);
    const { client, names } = await connect(over(gateway.base + path));
    const expected = ["grow"];
    for (let round = 1; round <= 3; round++) {
      await client.callTool({ name: "grow" });
      expected.push(`grown${round}`);
      expect(await names()).toEqual(expected);
    }
  });
});

describe("a server that adds a tool to one session", () => {
  test.each(["/mcp", "/mcp/growing"])("shows it to that agent alone, at once, and tells it (%s)", async path => {
    const server = await growingServer();
    const gateway = await gatewayFor({ name: "growing", transport: "http", url: server.url });
    const [ann, bob] = [await connect(over(gateway.base + path)), await connect(over(gateway.base + path))];
    expect([await ann.names(), await bob.names()]).toEqual([["grow"], ["grow"]]);
    await ann.client.callTool({ name: "grow" });
    expect(await ann.names()).toEqual(["grow", "grown"]);
    await poll(() => ann.changes() > 0);
    expect([ann.changes() > 0, bob.changes()]).toEqual([true, 0]);
    expect(await ann.client.callTool({ name: "grown" })).toMatchObject({ content: [{ text: "I am yours" }] });
    expect(await bob.names()).toEqual(["grow"]);
    const refused = bob.client.callTool({ name: "grown" });
    await expect(refused).rejects.toThrow();
  });

  test("has it called by an agent that did not list anything in between", async () => {
    const server = await growingServer();
    const gateway = await gatewayFor({ name: "growing", transport: "http", url: server.url });
    const { client } = await connect(over(gateway.url));
    await client.callTool({ name: "grow" });
    expect(await client.callTool({ name: "grown" })).toMatchObject({ content: [{ text: "I am yours" }] });
  });

  test("is not bothered with a session by agents that only list", async () => {
    const server = await growingServer();
    const gateway = await gatewayFor({ name: "growing", transport: "http", url: server.url });
    const before = server.sessions();
    for (let agents = 0; agents < 5; agents++) await (await connect(over(gateway.url))).names();
    expect(server.sessions()).toBe(before);
  });
});
