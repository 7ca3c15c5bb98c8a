import { createServer as createTlsServer } from "node:https";
import { describe, expect, test } from "vitest";
import { makeCertificates } from "../faults/certificates.ts";
import { passOn, startForwardProxy } from "../fixtures/between.ts";
import { expectToWork, failureOf, gatewayTo, hasOpenssl, listening, statusOf } from "../fixtures/client-lab.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import { HONEST_TOKEN, startTokenEndpoint } from "../fixtures/hostile/tokens.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const fixture = async (): Promise<Upstream> => keep(await startUpstream({ era: "legacy", anyHost: true }));
const behind = async (...about: Parameters<typeof gatewayTo>): Promise<GatewayRun> => keep(await gatewayTo(...about));
const LEAKY = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };

describe.runIf(hasOpenssl())("certificates", () => {
  /** An upstream behind TLS whose certificate nobody vouches for. */
  async function selfSigned() {
    const upstream = await fixture();
    const { selfSigned: certificate } = keep(makeCertificates());
    const secure = createTlsServer(certificate, (request, response) => passOn(request, response)(upstream.port));
    return keep(await listening(secure));
  }

  test("are verified whatever the environment says, and it is told that it says so in vain", async () => {
    const { port } = await selfSigned();
    const gateway = await behind({ url: `https://localhost:${port}/mcp` }, LEAKY);
    expect(await failureOf(gateway)).toContain("self-signed");
    const { warnings } = await gateway.status();
    expect(warnings.filter(warning => warning.includes("NODE_TLS_REJECT_UNAUTHORIZED"))).toHaveLength(1);
    expect(gateway.output().match(/NODE_TLS_REJECT_UNAUTHORIZED/g)).toHaveLength(1);
  });

  test("are verified inside a tunnel, and those of token endpoints and of proxies too", async () => {
    const { port } = await selfSigned();
    const proxy = keep(await startForwardProxy({ hosts: { "mcp.corp.invalid": port } }));
    const tunnelled = await behind({ url: "https://mcp.corp.invalid/mcp" }, { ...LEAKY, HTTPS_PROXY: proxy.base });
    expect(await failureOf(tunnelled)).toContain("self-signed");
    const upstream = await fixture();
    const auth = {
      auth_type: "oauth",
      token_url: `https://localhost:${port}/token`,
      client_id: "a",
      client_secret: "b",
    };
    const guarded = await behind({ url: upstream.url, auth, insecure_skip_verify: true }, LEAKY);
    expect(await failureOf(guarded)).toContain("self-signed");
    for (const scheme of ["http", "https"]) {
      const env = { ...LEAKY, [`${scheme.toUpperCase()}_PROXY`]: `https://localhost:${port}` };
      const through = await behind({ url: `${scheme}://mcp.corp.invalid/mcp`, insecure_skip_verify: true }, env);
      expect(await failureOf(through), scheme).toContain("_SELF_SIGNED_CERT");
    }
  });

  test("of one upstream may be let off, aloud", async () => {
    const { port } = await selfSigned();
    const gateway = await behind({ url: `https://localhost:${port}/mcp`, insecure_skip_verify: true });
    await expectToWork(gateway);
    const { upstreams, warnings } = await gateway.status();
    expect(upstreams[0]?.notes.join()).toContain("not verified");
    expect(warnings.join()).toContain("RAD1217");
    expect(gateway.output()).toContain("RAD1217");
  });
});

describe("credentials that all on the way could read", () => {
  const name = "mcp.corp.invalid";

  test.each([
    ["a header", { headers: { Authorization: "Bearer abcdef" } }],
    ["a header of any name", { headers: { "X-Our-Own": "abcdef" } }],
    ["a cookie", { headers: { cookie: "a=bcdef" } }],
    ["those of the URL", { url: `http://me:word@${name}/mcp` }],
    ["a parameter of the URL", { url: `http://${name}/mcp?apiKey=abcdef` }],
  ])("are not sent to another machine unless that is said: %s", async (_, table) => {
    const upstream = await fixture();
    const proxy = keep(await startForwardProxy({ hosts: { [name]: upstream.port } }));
    const env = { HTTP_PROXY: proxy.base };
    const refused = await behind({ url: `http://${name}/mcp`, ...table }, env);
    const { lastError } = await statusOf(refused, "down");
    expect(lastError).toContain("allow_plain_http");
    expect((await refused.status()).warnings.join()).toContain("RAD1216");
    expect(proxy.seen).toEqual([]);
    const allowed = await behind({ url: `http://${name}/mcp`, ...table, allow_plain_http: true }, env);
    await expectToWork(allowed);
    expect((await allowed.status()).upstreams[0]?.notes.join()).toContain("unencrypted");
  });

  test("are no matter where there are none, or on this machine", async () => {
    const upstream = await fixture();
    const proxy = keep(await startForwardProxy({ hosts: { [name]: upstream.port } }));
    const headers = { "User-Agent": "mine/1", Accept: "text/plain" };
    await expectToWork(await behind({ url: `http://${name}/mcp`, headers }, { HTTP_PROXY: proxy.base }));
    const here = await behind({ url: upstream.url, headers: { Authorization: "Bearer abcdef" } });
    await expectToWork(here);
    expect((await here.status()).warnings).toEqual([]);
  });

  test("are a token and a client secret as well", async () => {
    const upstream = await fixture();
    const token = keep(await startTokenEndpoint(HONEST_TOKEN));
    const hosts = { [name]: upstream.port, "auth.invalid": Number(new URL(token.url).port) };
    const proxy = keep(await startForwardProxy({ hosts }));
    const env = { HTTP_PROXY: proxy.base };
    const auth = { auth_type: "oauth", token_url: "http://auth.invalid/token", client_id: "a", client_secret: "b" };
    const table = { url: `http://${name}/mcp`, auth };
    for (const one of [table, { ...table, url: upstream.url }, { ...table, auth: { ...auth, token_url: token.url } }]) {
      expect((await statusOf(await behind(one, env), "down")).lastError).toContain("allow_plain_http");
    }
    expect([proxy.seen, token.asked()]).toEqual([[], 0]);
    await expectToWork(await behind({ ...table, allow_plain_http: true }, env));
  });
});
