import { describe, expect, test } from "vitest";
import { events, readAll, send } from "../../test/fixtures/agents/wire.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";

const request = (method: string, params: object) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
const initialize = request("initialize", {
  ...{ protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});
const JSON_TYPE = { "content-type": "application/json" };

describe("the type of a body", () => {
  test.each<[string, Record<string, string>]>([
    ["as it should be", JSON_TYPE],
    ["with a character set", { "content-type": "application/json; charset=utf-8" }],
    ["in capitals", { "content-type": "APPLICATION/JSON;charset=UTF-8" }],
    ["given twice by a proxy", { "content-type": "application/json, application/json" }],
    ["of JSON-RPC over HTTP", { "content-type": "application/json-rpc" }],
    ["older of JSON-RPC over HTTP", { "content-type": "application/jsonrequest" }],
    ["of a vendor", { "content-type": "application/vnd.mcp+json" }],
    ["of texts", { "content-type": "text/json" }],
    ["missing", {}],
  ])("%s is taken", async (_what, headers) => {
    const { url } = await httpFront();
    const response = await send(url, { method: "POST", headers, body: initialize });
    expect([response.statusCode, await readAll(response)]).toEqual([200, expect.stringContaining('"protocolVersion"')]);
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/jsonp",
    "json",
    "",
  ])("%j is refused: a page could send it without asking", async type => {
    const { url } = await httpFront();
    const headers = { "content-type": type };
    const { statusCode, headers: answered } = await send(url, { method: "POST", headers, body: initialize });
    expect([statusCode, answered["accept-encoding"]]).toEqual([415, "identity"]);
  });

  test("that is missing does not make JSON of what is none", async () => {
    const { url } = await httpFront();
    const response = await send(url, { method: "POST", body: "a=b" });
    expect([response.statusCode, JSON.parse(await readAll(response)).error.code]).toEqual([400, -32700]);
  });
});

describe("Accept of an agent with a session", () => {
  async function opened(accept: string | undefined) {
    const { url } = await httpFront();
    const headers = { ...JSON_TYPE, ...(accept !== undefined && { accept }) };
    const response = await send(url, { method: "POST", headers, body: initialize });
    return { url, headers, response, session: response.headers["mcp-session-id"] as string };
  }

  test.each([undefined, "*/*", "application/json", "application/json, text/event-stream", "text/html"])(
    "%s: answers are JSON",
    async accept => {
      const { url, headers, response, session } = await opened(accept);
      expect(response.headers["content-type"]).toBe("application/json");
      const inSession = { ...headers, "mcp-session-id": session };
      const body = request("tools/call", { name: "run" });
      const answer = await send(url, { method: "POST", headers: inSession, body });
      expect(answer.headers["content-type"]).toBe("application/json");
      expect(JSON.parse(await readAll(answer))).toMatchObject({ id: 1, result: {} });
    },
  );

  test.each(["text/event-stream", "text/*", "text/event-stream, application/json;q=0"])(
    "%s: answers are streams",
    async accept => {
      const { url, headers, response, session } = await opened(accept);
      expect(response.headers["content-type"]).toBe("text/event-stream");
      const body = request("tools/call", { name: "run" });
      const answer = await send(url, { method: "POST", headers: { ...headers, "mcp-session-id": session }, body });
      expect(answer.headers["content-type"]).toBe("text/event-stream");
      const messages = [];
      for await (const { data } of events(answer)) if (data !== "") messages.push(JSON.parse(data));
      expect(messages).toMatchObject([{ id: 1, result: {} }]);
    },
  );

  test.each<[string | undefined, number]>([
    ["text/event-stream", 200],
    ["*/*", 200],
    [undefined, 200],
    ["application/json", 406],
    ["text/event-stream;q=0, */*", 406],
  ])("%s: a GET is answered %d", async (accept, status) => {
    const { url, session } = await opened("*/*");
    const gone = new AbortController();
    const headers = { "mcp-session-id": session, ...(accept !== undefined && { accept }) };
    const { statusCode } = await send(url, { method: "GET", headers, signal: gone.signal });
    gone.abort();
    expect(statusCode).toBe(status);
  });
});

describe("a batch where none is taken", () => {
  const items = [
    JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }),
    JSON.stringify({ jsonrpc: "2.0", id: "first", method: "ping" }),
    JSON.stringify({ jsonrpc: "2.0", id: 2, method: "ping" }),
  ];

  test("is refused as an error of its first request, so that somebody hears of it", async () => {
    const { url, agent } = await httpFront();
    const { session = "" } = await agent("2025-06-18");
    const modern = { "mcp-protocol-version": "2026-07-28" };
    for (const headers of [{ "mcp-session-id": session }, modern]) {
      const all = { ...JSON_TYPE, ...headers } as Record<string, string>;
      const response = await send(url, { method: "POST", headers: all, body: `[${items.join()}]` });
      expect(response.statusCode).toBe(400);
      expect(JSON.parse(await readAll(response))).toMatchObject({ id: "first", error: { code: -32600 } });
    }
  });
});

describe("probes", () => {
  const probe = async (base: string, path: string) => {
    const response = await send(base + path, { method: "GET", headers: { host: "10.0.0.9:3000" } });
    return [response.statusCode, await readAll(response), response.headers.connection];
  };

  test("tell whether it can serve", async () => {
    let isReady = false;
    const { base } = await httpFront({ ready: () => isReady });
    expect((await probe(base, "/healthz")).slice(0, 2)).toEqual([200, "ok\n"]);
    expect((await probe(base, "/readyz")).slice(0, 2)).toEqual([503, "not ready\n"]);
    isReady = true;
    expect((await probe(base, "/readyz")).slice(0, 2)).toEqual([200, "ready\n"]);
  });

  test("are told that it still runs while it ends, and is not ready any more", async () => {
    const { base, http } = await httpFront();
    await http.drain(0);
    expect(await probe(base, "/healthz")).toEqual([200, "stopping\n", "close"]);
    expect(await probe(base, "/readyz")).toEqual([503, "not ready\n", "close"]);
  });

  test("of a browser are answered while it ends, and so is its question what it may send", async () => {
    const { base, url, http } = await httpFront();
    await http.drain(0);
    const headers = { origin: "http://localhost:6274", "access-control-request-method": "POST" };
    expect((await send(url, { method: "OPTIONS", headers })).statusCode).toBe(204);
    const late = await send(url, { method: "POST", headers: { ...headers, ...JSON_TYPE }, body: initialize });
    expect([late.statusCode, late.headers["access-control-allow-origin"]]).toEqual([503, headers.origin]);
    const { statusCode } = await send(`${base}/healthz`, { method: "GET", headers: { origin: headers.origin } });
    expect(statusCode).toBe(200);
  });
});
