import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { leaksIn } from "../fixtures/telltale/readings.ts";
import { telltale } from "../fixtures/telltale/server.mjs";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();

const CHILD = resolve("test/fixtures/telltale/child.mjs");
const IN_ENV = "tok_9f8E7d6C5b4A39281706";
const ODD = 'p/ss+w=rd & "quoted" <x> 7';
const IN_VARIABLE = "vAr1abl3-0f-the-env1ronment";
const INHERITED = "inh3rit3d-Zm9vYmFyMTIz/+MDEy==";
const IN_ARGS = "arG-3f9c2b7e1d5a";
const POSITIONAL = "9b2e7c1f4a8d3e6b5c0f1a2d";
const IN_HEADER = "hdr-5A6b7C8d9E0f1A2b";
const IN_BEARER = "b3ar3r-token-1f2e3d4c5b6a";
const SESSION = "5e551on-0a1b2c3d4e5f6a7b";
const PASSWORD = "us3rinfo:p@ss/w0rd";
const COOKIE = "c00k1e-7f6e5d4c3b2a1908";

interface Server {
  readonly port: number;
  close(): Promise<void>;
}

/** Over HTTP, with a session; knows what it was sent. */
async function startTelltale(): Promise<Server> {
  const known = new Set<string>([SESSION, COOKIE]);
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    for (const name of ["authorization", "x-custom", "x-api-key"]) {
      const value = String(request.headers[name] ?? "");
      if (value !== "") known.add(value);
      if (value.startsWith("Basic ")) known.add(Buffer.from(value.slice(6), "base64").toString());
    }
    let body = "";
    request.setEncoding("utf8").on("data", chunk => {
      body += chunk;
    });
    request.on("end", () => {
      if (request.method !== "POST") return void response.writeHead(request.method === "DELETE" ? 200 : 405).end();
      const message = JSON.parse(body) as Json;
      if (message.id === undefined) return void response.writeHead(202).end();
      response.writeHead(200, {
        "content-type": "text/event-stream",
        ...(message.method === "initialize" && { "mcp-session-id": SESSION, "set-cookie": `sid=${COOKIE}; Path=/` }),
      });
      telltale(
        () => [...known],
        sent => void response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", ...sent })}\n\n`),
      )(message);
      response.end();
    });
  });
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** Everything that agents can be told by that upstream, as text. */
async function everythingSaid(gateway: GatewayRun, name: string): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  const notices: string[] = [];
  const hear = (message: unknown): void => void notices.push(JSON.stringify(message));
  for (const url of [gateway.url, gateway.of(name)]) {
    const path = url.slice(gateway.base.length);
    const modern = modernAgent(url, { meta: { "io.modelcontextprotocol/logLevel": "debug" } });
    const legacy = await legacyAgent(url, "2025-11-25", {
      capabilities: { elicitation: { form: {} } },
      respond: request => {
        hear(request);
        return { action: "decline" };
      },
    });
    said[`${path} opening`] = legacy.opening.raw;
    await legacy.request("logging/setLevel", { level: "debug" });
    const own = path === "/mcp" ? `${name}:` : "";
    const tools = (await modern.request("tools/list")).message?.result?.tools as { name: string }[];
    const named = (tool: string): string =>
      tools.find(one => one.name.endsWith(tool) && (own === "" || one.name.includes(name)))?.name ?? tool;
    for (const [era, agent] of [
      ["legacy", legacy],
      ["modern", modern],
    ] as const) {
      for (const list of [
        "tools/list",
        "resources/list",
        "resources/templates/list",
        "prompts/list",
        "server/discover",
      ]) {
        said[`${path} ${era} ${list}`] = (await agent.request(list)).raw;
      }
      for (const tool of ["tell", "fail", "ask"]) {
        const params = { name: named(tool), arguments: {}, _meta: { progressToken: `${era}${tool}` } };
        said[`${path} ${era} ${tool}`] = (await agent.request("tools/call", params, { onMessage: hear })).raw;
      }
      said[`${path} ${era} read`] = (await agent.request("resources/read", { uri: "tale://all" })).raw;
      said[`${path} ${era} read of a template`] = (await agent.request("resources/read", { uri: "tale://some" })).raw;
      said[`${path} ${era} prompt`] = (await agent.request("prompts/get", { name: "p", arguments: {} })).raw;
      said[`${path} ${era} unknown`] = (await agent.request("com.example/odd")).raw;
    }
    await legacy.close();
  }
  said.notices = notices.join("\n");
  return said;
}

async function everythingShown(gateway: GatewayRun, name: string): Promise<Record<string, string>> {
  const shown: Record<string, string> = { output: gateway.output() };
  const COMMANDS = [
    ...[["proxy", "status"], ["proxy", "status", "--json"], ["list"], ["list", "--json"], ["test"], ["test", "--json"]],
    ...[
      ["tools"],
      ["tools", "--json"],
      ["prompts", "--json"],
      ["proxy", "logs", "-n", "500"],
      ["proxy", "logs", "--json"],
    ],
    ...[
      ["proxy", "logs", "--stderr", name],
      ["proxy", "logs", "--stderr", name, "--json"],
      ["proxy", "validate"],
    ],
    ...[
      ["call", "tell"],
      ["call", "tell", "--json"],
      ["call", "fail"],
      ["call", "fail", "--json"],
      ["call", `${name}:nothing`],
    ],
    ...[
      ["proxy", "reload"],
      ["proxy", "reload", "--json"],
    ],
  ];
  for (const command of COMMANDS) {
    const { stdout, stderr } = await gateway.rad("mcp", ...command);
    shown[`rad mcp ${command.join(" ")}`] = stdout + stderr;
  }
  for (const path of filesBelow(join(gateway.dir, ".radium"))) {
    if (!path.endsWith("mcp-proxy.toml")) shown[path.slice(gateway.dir.length)] = readFileSync(path, "latin1");
  }
  return shown;
}

const leaksOf = (texts: Readonly<Record<string, string>>, secrets: readonly string[]): string[] =>
  Object.entries(texts).flatMap(([where, text]) => leaksIn(text, secrets).map(leak => `${where}: ${leak}`));

const stdioUpstream = {
  name: "telltale",
  transport: "stdio",
  command: process.execPath,
  args: [CHILD, "--label", "acme-corp", "--api-key", IN_ARGS, "--tell", IN_ARGS, POSITIONAL],
  env: { TOLD_TOKEN: IN_ENV, TOLD_PASSWORD: ODD, TOLD_VALUE: `${"$"}{SOME_VARIABLE}` },
  inherit_env: ["API_KEY_TOLD"],
};

describe("T-41 values that the gateway knows to be secret", () => {
  test("reach no agent, no output and no file by a child, however they are spelled", async () => {
    const secrets = [IN_ENV, ODD, IN_VARIABLE, INHERITED, IN_ARGS, POSITIONAL];
    const gateway = keep(
      await startGateway({
        toml: configToml([stdioUpstream]),
        env: { SOME_VARIABLE: IN_VARIABLE, API_KEY_TOLD: INHERITED },
      }),
    );
    await gateway.until();
    const said = await everythingSaid(gateway, "telltale");
    expect(leaksOf(said, secrets)).toEqual([]);
    expect(said["/mcp legacy tell"]).toContain("[secret]");
    expect(said["/mcp/telltale modern fail"]).toContain("[secret]");
    expect(said.notices).toContain("notifications/progress");
    expect(said.notices).toContain("notifications/message");
    expect(said.notices).toContain("elicitation/create");
    await poll(() => gateway.logLines().length > 20);
    const shown = await everythingShown(gateway, "telltale");
    expect(leaksOf(shown, secrets)).toEqual([]);
    expect(shown["rad mcp proxy logs --stderr telltale"]).toContain("starting with [secret]");
    expect(shown["rad mcp proxy status --json"]).toContain("acme-corp");
    expect(shown["rad mcp proxy status --json"]).toContain("agents read [secret] in ");
    await gateway.stop();
    expect(leaksOf({ output: gateway.output() }, secrets)).toEqual([]);
  });

  test("reach nobody by a server over HTTP: headers, user and password, its session, its cookie", async () => {
    const server = keep(await startTelltale());
    const url = (path: string, userinfo = ""): string => `http://${userinfo}127.0.0.1:${server.port}${path}`;
    const gateway = keep(
      await startGateway({
        toml: configToml([
          {
            ...{ name: "telltale", transport: "http", protocol: "legacy", url: url("/mcp") },
            headers: { Authorization: `Bearer ${IN_BEARER}`, "X-Custom": IN_HEADER, "X-Tenant": "acme-corp" },
          },
          {
            ...{ name: "other", transport: "http", protocol: "legacy" },
            url: url("/mcp", `someone:${encodeURIComponent(PASSWORD)}@`),
          },
        ]),
      }),
    );
    await gateway.until();
    const secrets = [IN_BEARER, IN_HEADER, SESSION, COOKIE, PASSWORD];
    const said = await everythingSaid(gateway, "telltale");
    expect(leaksOf(said, secrets)).toEqual([]);
    expect(said["/mcp/telltale legacy tell"]).toContain("[secret]");
    expect(leaksOf(await everythingShown(gateway, "telltale"), secrets)).toEqual([]);
  });

  test("take nothing else with them", async () => {
    const plain = {
      ...{ TOLD_PATH: "/home/me/project", TOLD_MODE: "production", TOLD_DEBUG: "1", TOLD_LANG: "en_US.UTF-8" },
      ...{
        TOLD_URL: "https://api.example.com/v1",
        TOLD_PORT: "3000",
        TOLD_MAX_TOKENS: "100000",
        TOLD_REGION: "eu-central-1",
      },
      TOLD_PROJECT_ID: "0b7c9d1e-2f3a-4b5c-8d6e-7f8a9b0c1d2e",
    };
    const gateway = keep(
      await startGateway({
        toml: configToml([
          { ...stdioUpstream, args: [CHILD, "--tell", "/srv/data", "user@example.com"], env: plain, inherit_env: [] },
        ]),
      }),
    );
    await gateway.until();
    const said = (await modernAgent(gateway.url).request("tools/call", { name: "tell", arguments: {} })).raw;
    expect(said).not.toContain("[secret]");
    for (const value of [...Object.values(plain), "/srv/data", "user@example.com"]) expect(said).toContain(value);
    expect(JSON.stringify(await gateway.status())).not.toContain("[secret]");
  });
});
