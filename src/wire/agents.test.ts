import { describe, expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { initializeResult, legacyAgent, legacyUpstream } from "./legacy.ts";
import { discoverResult, modernAgent, modernUpstream } from "./modern.ts";
import { checkModern as checkSaid, saidIn } from "./modern-envelope.ts";
import { wireError } from "./rpc-errors.ts";
import { META } from "./versions.ts";

const checkModern = (
  asked: Parameters<typeof checkSaid>[0],
  headers: Parameters<typeof checkSaid>[1],
): ReturnType<typeof checkSaid> => checkSaid(asked, headers, saidIn(asked.params));

const HINT = { ttlMs: 60_000, cacheScope: "public" } as const;
const PROFILE = {
  capabilities: Payload.of({ extensions: { "io.modelcontextprotocol/tasks": {}, "x/y": {} } }),
  instructions: undefined,
  serverInfo: Payload.of({ name: "rad" }),
  hint: HINT,
};

describe("an error", () => {
  const error = (code: number) => wireError(code, "no such thing", { uri: "x:1" });

  it.each([
    [-32002, -32602],
    [-32042, -32603],
    [-32601, -32601],
    [-32800, -32800],
  ])("%i is %i for a modern agent, and otherwise as it was", (code, told) => {
    const { error: text, code: shown } = modernAgent.error(error(code));
    expect(shown).toBe(told);
    expect(text.value()).toEqual({ code: told, message: "no such thing", data: { uri: "x:1" } });
  });

  it("keeps when to come again", () => {
    expect(modernAgent.error({ ...error(-32002), retryAfterMs: 5 }).retryAfterMs).toBe(5);
  });

  it("is for a legacy agent what it was", () => {
    const given = error(-32002);
    expect(legacyAgent.error(given)).toBe(given);
  });
});

describe("for how long something may be kept", () => {
  it("a modern agent is told of a list, whatever stood there", () => {
    const list = Payload.of({ ttlMs: -1, tools: [] });
    expect(modernAgent.list(list, HINT).value()).toEqual({ tools: [], resultType: "complete", ...HINT });
  });

  it("a modern agent is told of a server", () => {
    expect(discoverResult(PROFILE).value()).toMatchObject(HINT);
  });

  it("a legacy agent is not told", () => {
    expect(legacyAgent.list(Payload.of({ tools: [] }), HINT).value()).toEqual({ tools: [] });
  });
});

describe("tasks", () => {
  it("are promised to modern agents only", () => {
    expect(discoverResult(PROFILE).object("capabilities")?.value()).toEqual(PROFILE.capabilities.value());
    const opened = initializeResult("2025-11-25", PROFILE).object("capabilities");
    expect(opened?.value()).toEqual({ extensions: { "x/y": {} } });
  });

  const _meta = { [META.protocolVersion]: "2026-07-28", [META.clientCapabilities]: {} };
  const request = { method: "tasks/get", params: Payload.of({ taskId: "t-1", _meta }) };
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tasks/get" };

  it("are named in a header by whoever asks", () => {
    expect(checkModern(request, { ...headers, "mcp-name": "t-1" }).ok).toBe(true);
    expect(checkModern(request, { ...headers, "mcp-name": "t-2" })).toMatchObject({ error: { code: -32020 } });
    expect(checkModern(request, headers)).toMatchObject({ error: { code: -32020 } });
  });

  it("are named in a header by us", () => {
    const bare = { progressToken: undefined, logLevel: undefined, definition: undefined, input: undefined };
    const era = modernUpstream({ name: "gateway", version: "1" });
    const sent = era.request({ ...request, ...bare, capabilities: Payload.of({}) }, "2026-07-28");
    expect(sent.headers).toMatchObject({ "mcp-method": "tasks/get", "mcp-name": "t-1" });
  });
});

describe("a result of a type that there is", () => {
  const era = modernUpstream({ name: "gateway", version: "1" });

  it.each([
    [{}, true],
    [{ resultType: "complete" }, true],
    [{ resultType: "task" }, true],
  ])("is %j: %s", (result, known) => {
    expect(era.knows(Payload.of(result))).toBe(known);
  });

  it.each([{ resultType: "surprise" }, { resultType: 5 }, { resultType: null }])(
    "is not %j, but where nobody has types",
    result => {
      expect(era.knows(Payload.of(result))).toBe(false);
      expect(legacyUpstream.knows(Payload.of(result))).toBe(true);
    },
  );
});
