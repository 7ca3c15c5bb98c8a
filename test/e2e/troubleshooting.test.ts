import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { listAll, namesOf } from "../fixtures/agents/answered.ts";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, rad, startGateway, writeConfig } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { freePort } from "../fixtures/real-servers.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

/** Each error of the documentation's troubleshooting section appears with its wording, and each of its remedies works. */
const keep = useCleanup();

const table = (url: string, more: Json = {}): Json => ({
  name: "fixture",
  transport: "http",
  url,
  health_check_interval: 1,
  ...more,
});

async function start(upstreams: readonly Json[], proxy: Json = {}): Promise<GatewayRun> {
  return keep(await startGateway({ toml: configToml(upstreams, proxy) }));
}
const toolNames = async (gateway: GatewayRun): Promise<string[]> =>
  namesOf((await listAll(modernAgent(gateway.url), "tools/list")).items);
const rewrite = (gateway: GatewayRun, change: (toml: string) => string) =>
  writeFileSync(gateway.configPath, change(readFileSync(gateway.configPath, "utf8")));

/** A gateway that is started and stopped by hand, on a port of its own. */
function byHand(toml: string) {
  const { dir, configPath } = writeConfig(toml);
  const run = (...args: string[]) => rad(["mcp", "proxy", ...args, "--config", configPath], { cwd: dir });
  const close = async () => {
    await run("stop");
    rmSync(dir, { recursive: true, force: true });
  };
  return keep({ dir, configPath, run, close });
}
const firstLine = ({ stdout, stderr }: { stdout: string; stderr: string }) => (stderr || stdout).split("\n")[0];

describe("Port already in use", () => {
  test("by this instance: it says so, `status` shows it, and after `stop` it starts", async () => {
    const upstream = keep(await startUpstream());
    const port = await freePort();
    const { run } = byHand(configToml([table(upstream.url)], { port }));
    expect((await run("start", "--detach")).code).toBe(0);
    const again = await run("start");
    expect(again.code).toBe(4);
    expect(again.stderr + again.stdout).toMatch(/already (running|in use)/i);
    expect(again.stderr + again.stdout).toContain("rad mcp proxy stop");
    const status = await run("status");
    expect(status.code).toBe(0);
    expect(status.stdout).toContain(String(port));
    expect((await run("stop")).code).toBe(0);
    expect((await run("status")).code).toBe(3);
    expect((await run("start", "--detach")).code).toBe(0);
    expect((await run("stop")).code).toBe(0);
  }, 40_000);

  test("by another program: the wording is that of the documentation, and another port helps", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise(resolve => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const upstream = keep(await startUpstream());
    const { run, configPath } = byHand(configToml([table(upstream.url)], { port }));
    const refused = await run("start");
    expect(refused.code).toBe(4);
    expect(firstLine(refused)).toMatch(/Port already in use/);
    expect(refused.stderr + refused.stdout).toContain(String(port));
    writeFileSync(configPath, configToml([table(upstream.url)], { port: await freePort() }));
    expect((await run("start", "--detach")).code).toBe(0);
    expect((await run("stop")).code).toBe(0);
    other.close();
  }, 40_000);
});

describe("Failed to connect to upstream", () => {
  test("is what `status` and `test` say while it is not running, and it is found as soon as it runs", async () => {
    const upstream = keep(await startUpstream());
    await upstream.down();
    const gateway = await start([table(upstream.url)]);
    await gateway.until(status => status.upstreams[0]?.state === "down");
    const shown = await gateway.rad("mcp", "proxy", "status");
    expect(shown.code).toBe(6);
    expect(shown.stdout + gateway.output()).toMatch(/^Failed to connect to upstream "fixture"/m);
    const tested = await gateway.rad("mcp", "test", "fixture");
    expect(tested.code).not.toBe(0);
    expect(tested.stdout + tested.stderr).toMatch(/Failed to connect to upstream/);
    await upstream.up();
    await gateway.until(status => status.upstreams[0]?.state === "ready");
    expect(await toolNames(gateway)).toContain("add");
    expect((await gateway.rad("mcp", "test", "fixture")).code).toBe(0);
  }, 40_000);

  test("also for a command that is not there: correcting it and reloading helps", async () => {
    const gateway = await start([{ name: "child", transport: "stdio", command: "no-such-command-here" }]);
    await gateway.until();
    const { stdout } = await gateway.rad("mcp", "proxy", "status");
    expect(stdout).toMatch(/^Failed to connect to upstream "child".*no-such-command-here/m);
    const upstream = keep(await startUpstream());
    writeFileSync(gateway.configPath, configToml([table(upstream.url)]));
    expect((await gateway.rad("mcp", "proxy", "reload")).code).toBe(0);
    await gateway.until(status => status.upstreams[0]?.state === "ready");
    expect(await toolNames(gateway)).toContain("add");
  }, 40_000);

  test("with OAuth: wrong credentials show as such, right ones connect, with one token for all", async () => {
    const issuer = keep(await startIssuer({ client_id: "me", client_secret: "right" }));
    const upstream = keep(
      await startUpstream({ authorize: ({ authorization }) => authorization === "Bearer granted" }),
    );
    const auth = (client_secret: string) => ({
      auth: { auth_type: "oauth", token_url: issuer.url, client_id: "me", client_secret },
    });
    const gateway = await start([table(upstream.url, auth("wrong"))]);
    const { upstreams } = await gateway.until(status => status.upstreams[0]?.state === "auth_required");
    expect(upstreams[0]?.lastError).toBeTruthy();
    expect(JSON.stringify(upstreams)).not.toContain("wrong");
    writeFileSync(gateway.configPath, configToml([table(upstream.url, auth("right"))]));
    expect((await gateway.rad("mcp", "proxy", "reload")).code).toBe(0);
    await gateway.until(status => status.upstreams[0]?.state === "ready");
    const granted = issuer.granted();
    const agent = modernAgent(gateway.url);
    const calls = Array.from({ length: 20 }, () =>
      agent.request("tools/call", { name: "add", arguments: { a: 1, b: 1 } }),
    );
    for (const { message } of await Promise.all(calls)) expect(message?.result).toBeDefined();
    expect(granted).toBe(1);
    expect(issuer.granted()).toBe(1);
  }, 40_000);
});

describe("Rate limit exceeded", () => {
  test("is what the agent reads, and a higher limit takes effect without a restart", async () => {
    const upstream = keep(await startUpstream());
    const gateway = await start([table(upstream.url)], { security: { rate_limit_per_minute: 1 } });
    await gateway.until();
    const agent = modernAgent(gateway.url);
    const call = async () => (await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 1 } })).message;
    await call();
    expect((await call())?.error?.message).toMatch(/^Rate limit exceeded/);
    rewrite(gateway, toml => toml.replace("rate_limit_per_minute = 1", "rate_limit_per_minute = 1000"));
    expect((await gateway.rad("mcp", "proxy", "reload")).code).toBe(0);
    expect((await call())?.result).toBeDefined();
  }, 40_000);
});

describe("Tools from upstream not in catalog", () => {
  test("because discovery is not over: they come by themselves", async () => {
    const upstream = keep(await startUpstream());
    upstream.when({ method: "server/discover", times: 1 }, { do: "delay", ms: 1_500 });
    upstream.when({ method: "tools/list", times: 1 }, { do: "delay", ms: 1_500 });
    const gateway = await start([table(upstream.url)]);
    await gateway.until(status => status.upstreams[0]?.state === "ready");
    expect(await toolNames(gateway)).toContain("add");
  });

  test("because it is down: `status` says so in words", async () => {
    const gateway = await start([table(`http://127.0.0.1:${await freePort()}/mcp`)]);
    await gateway.until(status => status.upstreams[0]?.state === "down");
    const { stdout } = await gateway.rad("mcp", "proxy", "status");
    expect(stdout).toContain("fixture");
    expect(stdout).toMatch(/down/i);
  });

  test("because it does not provide them: its own error is shown", async () => {
    const upstream = keep(await startUpstream());
    upstream.when({ method: "tools/list" }, { do: "error", error: { code: -32603, message: "no database" } });
    const gateway = await start([table(upstream.url)]);
    const { upstreams } = await gateway.until(status => status.upstreams[0]?.lastError != null);
    expect(upstreams[0]?.lastError).toContain("no database");
  });

  test("because names overlap: `status` names the tool, the upstream and the reason, and the strategy changes it", async () => {
    const [a, b] = [keep(await startUpstream({ name: "a" })), keep(await startUpstream({ name: "b" }))];
    for (const upstream of [a, b]) {
      const { name } = upstream.options;
      const definition = { name: "search", description: `search of ${name}`, inputSchema: { type: "object" } };
      upstream.tools.clear();
      upstream.tools.set("search", { definition, run: () => ({ content: [] }) });
    }
    const tables = [a, b].map(({ url, options }) => table(url, { name: options.name }));
    const gateway = await start(tables, { conflict_strategy: "reject" });
    await gateway.until();
    expect(await toolNames(gateway)).toEqual(["search"]);
    const { stdout } = await gateway.rad("mcp", "proxy", "status");
    expect(stdout).toMatch(/search/);
    expect(stdout).toMatch(/\bb\b/);
    rewrite(gateway, toml => toml.replace('"reject"', '"auto_prefix"'));
    expect((await gateway.rad("mcp", "proxy", "reload")).code).toBe(0);
    expect((await toolNames(gateway)).sort()).toEqual(["a__search", "b__search"]);
  }, 40_000);
});

/** An authorization server with one client. */
async function startIssuer(client: { client_id: string; client_secret: string }) {
  let granted = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const basic = Buffer.from(String(request.headers.authorization).replace(/^Basic /, ""), "base64").toString("utf8");
    const [id = form.get("client_id"), secret = form.get("client_secret")] = basic.includes(":")
      ? basic.split(":")
      : [];
    const known = id === client.client_id && secret === client.client_secret;
    response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
    if (known) granted++;
    const reply = known
      ? { access_token: "granted", token_type: "Bearer", expires_in: 3600 }
      : { error: "invalid_client" };
    response.end(JSON.stringify(reply));
  }).listen(0, "127.0.0.1");
  await new Promise(resolve => server.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    granted: () => granted,
    close: () => {
      server.closeAllConnections();
      return new Promise(resolve => server.close(resolve));
    },
  };
}
