import { createServer as createTlsServer } from "node:https";
import { describe, expect, test } from "vitest";
import { makeCertificates } from "../faults/certificates.ts";
import { passOn, startForwardProxy } from "../fixtures/between.ts";
import { expectToWork, failureOf, gatewayTo, hasOpenssl, listening, listeningRaw } from "../fixtures/client-lab.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const fixture = async (): Promise<Upstream> => keep(await startUpstream({ era: "legacy", anyHost: true }));
const behind = async (...about: Parameters<typeof gatewayTo>): Promise<GatewayRun> => keep(await gatewayTo(...about));

describe("a proxy that the environment names", () => {
  const name = "mcp.corp.invalid";

  test("is used for what it alone can reach, and not for what NO_PROXY and this machine name", async () => {
    const upstream = await fixture();
    const proxy = keep(await startForwardProxy({ hosts: { [name]: upstream.port } }));
    const url = `http://${name}/mcp`;
    const gateway = await behind({ url }, { HTTP_PROXY: proxy.base, NO_PROXY: "other.invalid" });
    await expectToWork(gateway);
    expect(proxy.seen[0]).toMatchObject({ url, headers: { host: name } });
    expect((await gateway.status()).upstreams[0]?.proxy).toBe(new URL(proxy.base).host);
    expect((await gateway.rad("mcp", "proxy", "status")).stdout).toContain(new URL(proxy.base).host);
    const used = proxy.seen.length;
    const exempt = await behind({ url }, { http_proxy: proxy.base, no_proxy: ".invalid" });
    expect(await failureOf(exempt)).toContain("host name");
    await expectToWork(await behind({ url: upstream.url }, { ALL_PROXY: proxy.base }));
    await gateway.stop();
    expect(proxy.seen.slice(used).every(({ url: seen }) => seen?.startsWith(url))).toBe(true);
  });

  test("gets the credentials in its URL, and says so when it wants some", async () => {
    const upstream = await fixture();
    const authorization = `Basic ${Buffer.from("me:p@w").toString("base64")}`;
    const proxy = keep(await startForwardProxy({ hosts: { [name]: upstream.port }, authorization }));
    const url = `http://${name}/mcp`;
    const gateway = await behind({ url }, { HTTP_PROXY: `http://me:p%40w@127.0.0.1:${proxy.port}` });
    await expectToWork(gateway);
    expect(JSON.stringify(await gateway.status())).not.toMatch(/p%40w|p@w/);
    const without = await behind({ url }, { HTTP_PROXY: proxy.base });
    const lastError = await failureOf(without);
    expect(lastError).toContain(new URL(proxy.base).host);
    expect(lastError).toContain("407");
  });

  test("that cannot be reached is named, with its variable", async () => {
    const gateway = await behind({ url: `http://${name}/mcp` }, { http_proxy: "http://127.0.0.1:1" });
    expect(await failureOf(gateway)).toMatch(/proxy at 127\.0\.0\.1:1, which http_proxy names: .*refused/);
    const socks = await behind({ url: `http://${name}/mcp` }, { ALL_PROXY: "socks5://me:secret@127.0.0.1:1080" });
    const { lastError } = (await socks.until(({ upstreams }) => upstreams[0]?.lastError !== null)).upstreams[0]!;
    expect(lastError).toMatch(/ALL_PROXY/);
    expect(lastError).not.toContain("secret");
  });

  test.skipIf(!hasOpenssl())("lets TLS through to upstreams and token endpoints, which check out", async () => {
    const certificates = keep(makeCertificates());
    const upstream = await fixture();
    const requests: string[] = [];
    const secure = createTlsServer(certificates.wrongName, (request, response) => {
      requests.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      if (request.url === "/token") {
        const token = { access_token: "t", token_type: "bearer", expires_in: 60 };
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(token));
      } else passOn(request, response)(upstream.port);
    });
    const { port } = keep(await listening(secure));
    const host = "elsewhere.example";
    const proxy = keep(await startForwardProxy({ hosts: { [host]: port } }));
    const env = { HTTPS_PROXY: proxy.base, NODE_EXTRA_CA_CERTS: certificates.authority };
    const auth = { auth_type: "oauth", token_url: `https://${host}/token`, client_id: "i", client_secret: "s" };
    await expectToWork(await behind({ url: `https://${host}/mcp`, auth }, env));
    expect(new Set(proxy.tunnels)).toEqual(new Set([`${host}:443`]));
    expect(proxy.seen).toEqual([]);
    expect(requests[0]).toMatch(/^POST \/token Basic /);
    expect(requests).toContain("POST /mcp Bearer t");
    const wrong = await behind({ url: `https://nobody.example/mcp` }, env);
    expect(await failureOf(wrong)).toMatch(/proxy at .*HTTPS_PROXY.*502/);
  });
});

describe("a wrong protocol in `url`", () => {
  test("is named: https where plain HTTP is spoken", async () => {
    const upstream = await fixture();
    const gateway = await behind({ url: `https://127.0.0.1:${upstream.port}/mcp` });
    expect(await failureOf(gateway)).toContain("write http:// in `url`");
    expect((await gateway.rad("mcp", "proxy", "status")).stdout).toContain("Correct `url`");
  });

  test.skipIf(!hasOpenssl())("is named: http where TLS is spoken and nothing is said to others", async () => {
    const certificates = keep(makeCertificates());
    const secure = createTlsServer(certificates.selfSigned, (_, response) => void response.end());
    const { port } = keep(await listening(secure));
    const gateway = await behind({ url: `http://localhost:${port}/mcp` });
    expect(await failureOf(gateway)).toContain("write https:// in `url`");
  });

  test("is named: http where TLS answers with an alert", async () => {
    const gate = keep(
      await listeningRaw(socket => socket.write(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x16]))),
    );
    const gateway = await behind({ url: `http://127.0.0.1:${gate.port}/mcp` });
    expect(await failureOf(gateway)).toContain("write https:// in `url`");
  });
});
