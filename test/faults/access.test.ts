import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import { expect } from "vitest";
import type { UpstreamStatus } from "../../src/core/status.ts";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { makeCertificates } from "./certificates.ts";
import { failureOf, resultOf, row } from "./lab.ts";
import { runsOf } from "./pair.ts";

const keep = useCleanup();
const UNAVAILABLE = { code: -31001, delivery: "not_sent", retryable: true, reason: "upstream_unavailable" };

/** Two replicas, `a` with this configuration in place of its own address. */
async function startTwo(a: Upstream, table: Json, env: Record<string, string> = {}) {
  const b = keep(await startUpstream({ era: "modern", name: "b" }));
  const common = { transport: "http", group: "pair", health_check_interval: 1 };
  const upstreams = [
    { name: "a", ...common, ...table },
    { name: "b", ...common, priority: 2, url: b.url },
  ];
  const toml = configToml(upstreams, { security: { rate_limit_per_minute: 0 } });
  const gateway = keep(await startGateway({ toml, env }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  const [both, first] = [modernAgent(gateway.url), modernAgent(gateway.of("a"))];
  const params = (nonce: string) => ({ name: "count", arguments: { nonce } });
  return {
    ...{ a, b, gateway },
    call: (nonce: string) => both.request("tools/call", params(nonce)),
    callFirst: (nonce: string) => first.request("tools/call", params(nonce)),
  };
}

const untilFirst = async (gateway: GatewayRun, check: (a: UpstreamStatus) => boolean): Promise<UpstreamStatus> => {
  const { upstreams } = await gateway.until(({ upstreams }) => upstreams.some(one => one.name === "a" && check(one)));
  return upstreams.find(({ name }) => name === "a")!;
};

/** Serves TLS before a port, with a certificate that can be changed. */
async function startTls(port: number, options: TlsOptions) {
  const sockets = new Set<TLSSocket>();
  const server = createTlsServer(options, socket => {
    sockets.add(socket);
    const inner = connect({ port, host: "127.0.0.1" });
    for (const one of [socket, inner]) one.on("error", () => {});
    socket.on("close", () => inner.destroy());
    inner.on("close", () => socket.destroy());
    socket.pipe(inner).pipe(socket);
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return keep({
    url: `https://localhost:${(server.address() as AddressInfo).port}/mcp`,
    change(next: TlsOptions) {
      server.setSecureContext(next);
      cut();
    },
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  });
}

const OLD = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
for (const [what, says] of [
  ["expired", /expired/],
  ["wrongName", /another host/],
  ["selfSigned", /self-signed/],
  ["old", /TLS handshake/],
] as const) {
  row(
    "F-23",
    `a server with TLS that cannot be trusted gets nothing, and its replica serves (${what})`,
    async () => {
      const certificates = keep(makeCertificates());
      const a = keep(await startUpstream({ era: "modern", name: "a" }));
      const tls = await startTls(a.port, certificates.good);
      const env = { NODE_EXTRA_CA_CERTS: certificates.authority };
      const { b, gateway, call, callFirst } = await startTwo(a, { url: tls.url }, env);
      resultOf(await call("before"));
      tls.change(what === "old" ? { ...certificates.good, ...OLD } : certificates[what]);
      resultOf(await call("other"));
      expect(failureOf(await callFirst("alone"))).toMatchObject(UNAVAILABLE);
      expect([runsOf("other", a, b), runsOf("alone", a, b)]).toEqual([
        [0, 1],
        [0, 0],
      ]);
      await untilFirst(gateway, ({ lastError }) => says.test(lastError ?? ""));
      tls.change(certificates.good);
      await untilFirst(gateway, ({ state }) => state === "ready");
      resultOf(await call("healed"));
      expect(runsOf("healed", a, b)).toEqual([1, 0]);
    },
    ["openssl"],
  );
}

/** Loaded into the gateway: names under .test are what the file says, or unknown. */
const hookText = (file: string): string => `
  const dns = require("node:dns");
  const { readFileSync } = require("node:fs");
  const { lookup } = dns;
  dns.lookup = (name, options, callback) => {
    if (!name.endsWith(".test")) return lookup(name, options, callback);
    let address = "";
    try { address = readFileSync(${JSON.stringify(file)}, "utf8"); } catch {}
    const unknown = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND", syscall: "getaddrinfo" });
    process.nextTick(() => {
      if (address === "") callback(unknown);
      else if (options.all) callback(null, [{ address, family: 4 }]);
      else callback(null, address, 4);
    });
  };
  require("node:module").syncBuiltinESMExports();`;

row("F-24", "a name that is no longer found keeps its last address, and a flap costs no call", async () => {
  const base = join(tmpdir(), `radium-names-${process.pid}`);
  const [hook, file] = [`${base}.cjs`, `${base}.txt`];
  keep({ close: async () => [hook, file].forEach(path => void rmSync(path, { force: true })) });
  writeFileSync(hook, hookText(file));
  writeFileSync(file, "127.0.0.1");
  const a = keep(await startUpstream({ era: "modern", name: "a", anyHost: true }));
  const table = { url: `http://upstream.test:${a.port}/mcp` };
  const { b, gateway, call, callFirst } = await startTwo(a, table, { NODE_OPTIONS: `--require ${hook}` });
  resultOf(await call("before"));
  rmSync(file);
  // New connections, so that the name is wanted again.
  await a.restart();
  expect(await poll(async () => (await callFirst("flap")).message?.result !== undefined, { everyMs: 200 })).toBe(true);
  resultOf(await call("during"));
  expect(runsOf("during", a, b)).toEqual([1, 0]);
  expect((await gateway.status()).health).toBe("ok");
});

row("F-24", "a name that nobody knows is said to be unknown, and the others serve", async () => {
  const b = keep(await startUpstream({ era: "modern", name: "b" }));
  const tables = [
    { name: "a", transport: "http", url: "http://upstream.invalid/mcp", health_check_interval: 1 },
    { name: "b", transport: "http", url: b.url },
  ];
  const gateway = keep(await startGateway({ toml: configToml(tables) }));
  const { lastError } = await untilFirst(gateway, ({ state }) => state === "down");
  expect(lastError).toMatch(/host name (is unknown|could not be looked up)/);
  const agent = modernAgent(gateway.url);
  resultOf(await agent.request("tools/call", { name: "count", arguments: {} }));
});

/** An authorization server whose newest token is the good one. */
async function startTokens() {
  let [given, valid] = [0, true];
  const server = createServer((_request, response) => {
    given++;
    const text = JSON.stringify({ access_token: `token-${given}`, token_type: "Bearer", expires_in: 3600 });
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return keep({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    given: () => given,
    isGood: (header: unknown) => valid && header === `Bearer token-${given}`,
    /** No token is good from now on, until the next one is given; or none ever. */
    revoke: ({ forever }: { readonly forever: boolean }) => {
      if (forever) valid = false;
      else given++;
    },
    allow: () => {
      valid = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

for (const era of ["modern", "legacy"] as const) {
  row("F-18", `a token that is refused is renewed once for all, and nothing runs twice (${era})`, async () => {
    const tokens = await startTokens();
    const a = keep(
      await startUpstream({ era, name: "a", authorize: ({ authorization }) => tokens.isGood(authorization) }),
    );
    const auth = { auth_type: "oauth", token_url: tokens.url, client_id: "id", client_secret: "secret" };
    const { b, gateway, call, callFirst } = await startTwo(a, { url: a.url, auth });
    resultOf(await call("before"));
    tokens.revoke({ forever: false });
    const before = tokens.given();
    const nonces = Array.from({ length: 8 }, (_, at) => `renewed-${at}`);
    for (const answered of await Promise.all(nonces.map(callFirst))) resultOf(answered);
    expect(tokens.given()).toBe(before + 1);
    for (const nonce of nonces) expect(runsOf(nonce, a)).toEqual([1]);

    tokens.revoke({ forever: true });
    const refused = { code: -31009, delivery: "refused", retryable: false, reason: "upstream_auth_required" };
    expect(failureOf(await callFirst("alone"))).toMatchObject(refused);
    resultOf(await call("other"));
    expect([runsOf("alone", a, b), runsOf("other", a, b)]).toEqual([
      [0, 0],
      [0, 1],
    ]);
    await untilFirst(gateway, ({ state }) => state === "auth_required");
    tokens.allow();
    await untilFirst(gateway, ({ state }) => state === "ready");
    resultOf(await callFirst("healed"));
    expect(gateway.output() + JSON.stringify(gateway.logLines())).not.toContain("token-");
  });
}
