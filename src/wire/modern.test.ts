import { describe, expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { bareRequest, type UpstreamRequest } from "./era.ts";
import { modernAgent, modernUpstream } from "./modern.ts";
import { checkModern as checkSaid, claimsModern, metaReader, saidIn } from "./modern-envelope.ts";
import { META } from "./versions.ts";

const checkModern = (
  asked: Parameters<typeof checkSaid>[0],
  headers: Parameters<typeof checkSaid>[1],
): ReturnType<typeof checkSaid> => checkSaid(asked, headers, saidIn(asked.params));

const BARE: UpstreamRequest = bareRequest("tools/call", Payload.of({}));
const META_OK = { [META.protocolVersion]: "2026-07-28", [META.clientCapabilities]: {} };
const HEADERS_OK = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "echo" };
const request = (meta: object | undefined, params: object = { name: "echo" }) => ({
  method: "tools/call",
  params: Payload.of({ ...params, ...(meta && { _meta: meta }) }),
});

describe("a `_meta` that repeats", () => {
  const read = metaReader();
  const said = (meta: object | undefined) => read(request(meta).params);

  it("is read once, whatever else the request says", () => {
    const first = read(request(META_OK, { name: "a", arguments: { x: 1 } }).params);
    expect(read(request(META_OK, { name: "b" }).params)).toBe(first);
    expect(first).toMatchObject({ claims: true, check: { ok: true, envelope: { version: "2026-07-28" } } });
  });

  it("is another one when any byte of it is", () => {
    for (const name of ["a", "b", "a ", "A"]) {
      const { check } = said({ ...META_OK, [META.clientInfo]: { name } });
      expect(check.ok && check.envelope.clientInfo?.string("name")).toBe(name);
    }
    expect(said(undefined)).toMatchObject({ claims: false, check: { ok: false } });
    expect(said({})).toMatchObject({ claims: false, check: { ok: false } });
    expect(said(META_OK).check.ok).toBe(true);
    expect(said(undefined).check.ok).toBe(false);
  });

  it("is not kept where it names the request", () => {
    const meta = { ...META_OK, progressToken: 1 };
    expect(said(meta)).not.toBe(said(meta));
    expect(said(meta)).toEqual(said(meta));
  });

  it("keeps nothing of the message that it came in", () => {
    const { check } = read(
      request({ ...META_OK, [META.clientInfo]: { name: "kept" } }, { name: "x".repeat(9_000) }).params,
    );
    expect(check.ok && check.envelope.capabilities.bytes.buffer.byteLength).toBeLessThan(10_000);
  });

  it("is stamped for an upstream with what belongs to this request", () => {
    const era = modernUpstream({ name: "us", version: "1" });
    const metaOf = (change: Partial<UpstreamRequest>, version = "2026-07-28"): unknown =>
      era.request({ ...BARE, params: request({ ...META_OK, trace: "t" }).params, ...change }, version).params.value()
        ._meta;
    const plain = metaOf({});
    expect(plain).toMatchObject({ trace: "t", [META.clientInfo]: { name: "us" }, [META.clientCapabilities]: {} });
    expect(metaOf({})).toEqual(plain);
    expect(metaOf({ logLevel: "debug" })).toEqual({ ...(plain as object), [META.logLevel]: "debug" });
    expect(metaOf({ capabilities: Payload.of({ roots: {} }) })).toMatchObject({
      [META.clientCapabilities]: { roots: {} },
    });
    expect(metaOf({ progressToken: 7 })).toEqual({ ...(plain as object), progressToken: 7 });
    expect(metaOf({}, "2027-01-01")).toMatchObject({ [META.protocolVersion]: "2027-01-01" });
    expect(metaOf({ params: Payload.of({ name: "echo" }) })).not.toHaveProperty("trace");
    expect(metaOf({})).toEqual(plain);
  });
});

describe("the checks of a modern request", () => {
  it("lets a well-formed one in", () => {
    expect(checkModern(request(META_OK), HEADERS_OK)).toMatchObject({ ok: true, envelope: { version: "2026-07-28" } });
    expect(checkModern(request(META_OK), undefined)).toMatchObject({ ok: true });
  });

  it.each([
    ["no version header", META_OK, { ...HEADERS_OK, "mcp-protocol-version": undefined }, -32020],
    ["no _meta", undefined, HEADERS_OK, -32602],
    ["no version in _meta", { [META.clientCapabilities]: {} }, HEADERS_OK, -32602],
    ["no capabilities in _meta", { [META.protocolVersion]: "2026-07-28" }, HEADERS_OK, -32602],
    ["a client that is no object", { ...META_OK, [META.clientInfo]: "me" }, HEADERS_OK, -32602],
    ["a log level that there is not", { ...META_OK, [META.logLevel]: "loud" }, HEADERS_OK, -32602],
    ["a log level that is no text", { ...META_OK, [META.logLevel]: 5 }, HEADERS_OK, -32602],
    ["another version in the header", META_OK, { ...HEADERS_OK, "mcp-protocol-version": "2025-11-25" }, -32020],
    ["no method header", META_OK, { ...HEADERS_OK, "mcp-method": undefined }, -32020],
    ["another method in the header", META_OK, { ...HEADERS_OK, "mcp-method": "Tools/call" }, -32020],
    ["no name header", META_OK, { ...HEADERS_OK, "mcp-name": undefined }, -32020],
    ["another name in the header", META_OK, { ...HEADERS_OK, "mcp-name": "ECHO" }, -32020],
    ["broken base64 in the name header", META_OK, { ...HEADERS_OK, "mcp-name": "=?base64?!!?=" }, -32020],
  ])("refuses %s with 400", (_what, meta, headers, code) => {
    const checked = checkModern(request(meta), headers as typeof HEADERS_OK);
    expect(checked).toMatchObject({ ok: false, status: 400, error: { code } });
  });

  it("names the versions that it speaks to one that asks for another", () => {
    const meta = { ...META_OK, [META.protocolVersion]: "1900-01-01" };
    const checked = checkModern(request(meta), { ...HEADERS_OK, "mcp-protocol-version": "1900-01-01" });
    expect(checked).toMatchObject({ ok: false, status: 400 });
    if (checked.ok) return;
    expect(checked.error.error.value()).toMatchObject({
      code: -32022,
      data: { supported: ["2026-07-28"], requested: "1900-01-01" },
    });
  });

  it("decodes a name that needed encoding, and trims blanks around a plain one", () => {
    const name = "ταχύς";
    const encoded = `=?base64?${Buffer.from(name).toString("base64")}?=`;
    expect(checkModern(request(META_OK, { name }), { ...HEADERS_OK, "mcp-name": encoded }).ok).toBe(true);
    expect(checkModern(request(META_OK), { ...HEADERS_OK, "mcp-name": " echo " }).ok).toBe(true);
  });

  it("recognises a modern request by its body or by its header", () => {
    expect(claimsModern(saidIn(Payload.of({ _meta: META_OK })), undefined)).toBe(true);
    expect(claimsModern(saidIn(undefined), "2026-07-28")).toBe(true);
    expect(claimsModern(saidIn(Payload.of({ _meta: { progressToken: 1 } })), "2025-11-25")).toBe(false);
  });
});

describe("a request to a modern upstream", () => {
  const era = modernUpstream({ name: "gateway", version: "1" });
  const capabilities = Payload.of({});
  const plain = {
    progressToken: undefined,
    logLevel: undefined,
    definition: undefined,
    capabilities,
    input: undefined,
  };

  it("carries our identity in place of the agent's, and everything else as it was", () => {
    const params = Payload.parse(
      `{"name":"echo","arguments":{"n":12345678901234567890,"x":1.0},"_meta":{"traceparent":"00-a","${META.clientInfo}":{"name":"agent"}},"later":[1 , 2]}`,
    );
    const sent = era.request({ ...plain, method: "tools/call", params }, "2026-07-28");
    const text = sent.params.bytes.toString();
    expect(text).toContain('"arguments":{"n":12345678901234567890,"x":1.0}');
    expect(text).toContain('"later":[1 , 2]');
    expect(sent.params.object("_meta")?.value()).toEqual({
      traceparent: "00-a",
      [META.clientInfo]: { name: "gateway", version: "1" },
      [META.protocolVersion]: "2026-07-28",
      [META.clientCapabilities]: {},
    });
    expect(sent.headers).toEqual({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "echo",
    });
  });

  it("repeats annotated arguments in headers, encoded where they must be", () => {
    const inputSchema = {
      type: "object",
      properties: {
        region: { type: "string", "x-mcp-header": "Region" },
        deep: { type: "object", properties: { flag: { type: "boolean", "x-mcp-header": "Flag" } } },
        gone: { type: "string", "x-mcp-header": "Gone" },
      },
    };
    const definition = Payload.of({ name: "q", inputSchema });
    const params = Payload.of({ name: "q", arguments: { region: "Zürich", deep: { flag: true }, gone: null } });
    const { headers } = era.request({ ...plain, method: "tools/call", params, definition }, "2026-07-28");
    expect(headers).toMatchObject({ "mcp-param-region": "=?base64?WsO8cmljaA==?=", "mcp-param-flag": "true" });
    expect(headers).not.toHaveProperty("mcp-param-gone");
  });

  const ROOTS = { method: "roots/list" };
  it.each<[string, object]>([
    ["neither questions nor a state", {}],
    ["no question and no state", { inputRequests: {} }],
    ["questions that are no object", { inputRequests: [ROOTS], requestState: "s" }],
    ["a question that is no object", { inputRequests: { a: ROOTS, b: 5 }, requestState: "s" }],
    ["a question without a method", { inputRequests: { a: { params: {} } }, requestState: "s" }],
    ["a state that is no text", { inputRequests: { a: ROOTS }, requestState: 7 }],
  ])("takes nothing for a question that has %s, nor for an answer", (_what, rest) => {
    const result = Payload.of({ resultType: "input_required", ...rest });
    expect([era.asks(result), era.knows(result)]).toEqual([undefined, false]);
  });

  it("takes a state without questions for the wish to be asked again", () => {
    expect(era.asks(Payload.of({ resultType: "input_required", requestState: "" }))).toMatchObject({ state: "" });
  });

  it("knows a question from an answer", () => {
    const asking = Payload.of({ resultType: "input_required", inputRequests: { a: ROOTS }, requestState: "s" });
    expect(era.asks(asking)).toMatchObject({ state: "s" });
    expect(era.asks(asking)?.questions.value()).toEqual({ a: ROOTS });
    expect(era.asks(Payload.of({ resultType: "complete", text: "input_required" }))).toBeUndefined();
  });
});

describe("a result for a modern agent", () => {
  it("gets what the revision demands and loses nothing", () => {
    const native = Payload.parse('{"contents":[],"x":1e400}');
    const about = { method: "resources/read", definition: undefined };
    expect(modernAgent.result(native, about).bytes.toString()).toBe(
      '{"contents":[],"x":1e400,"resultType":"complete","ttlMs":0,"cacheScope":"private"}',
    );
  });

  it("is passed on as it is when it is complete already", () => {
    const native = Payload.parse('{"resultType":"complete" , "content":[]}');
    expect(modernAgent.result(native, { method: "tools/call", definition: undefined })).toBe(native);
  });
});
