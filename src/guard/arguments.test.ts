import { describe, expect, it } from "vitest";
import type { Call } from "../core/call.ts";
import { nativeName, publicName, upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { Payload } from "../core/payload.ts";
import { AGENT_MESSAGE } from "../core/scan-limits.ts";
import { unambiguousArguments } from "./arguments.ts";
import { callOf, done } from "./call.fixture.ts";

function callWith(definition: object, args: object | string, kind: "tool" | "prompt" = "tool"): Call {
  const holder = { upstream: upstreamName("a"), native: nativeName("t"), priority: 1, definition: Payload.of({}) };
  const entry = { kind, name: publicName("t"), holders: [holder] as const, definition: Payload.of(definition) };
  const text = `{"params":{"name":"t","arguments":${typeof args === "string" ? args : JSON.stringify(args)}}}`;
  const params = Payload.parse(text, AGENT_MESSAGE).object("params")!;
  return { ...callOf({ subject: { kind: "found", entry } }), params };
}

/** Why a call is refused, if it is; it then goes no further. */
async function refusal(call: Call): Promise<string | undefined> {
  let passed = 0;
  const layer = unambiguousArguments(
    bringing(() => {
      passed++;
      return done();
    }),
  );
  const outcome = await promised(layer)(call);
  const message =
    outcome.kind === "failed" && outcome.failure.kind === "ambiguous" ? outcome.failure.message : undefined;
  expect(passed).toBe(message === undefined ? 1 : 0);
  return message;
}

const string = { type: "string" };
const tool = { inputSchema: { type: "object", properties: { path: string, file_path: string, a: string, A: string } } };
const routed = {
  inputSchema: {
    type: "object",
    properties: {
      region: { ...string, "x-mcp-header": "Region" },
      REGION: string,
      deep: { type: "object", properties: { id: { ...string, "x-mcp-header": "Id" }, ID: string } },
    },
  },
};

describe("T-20 arguments", () => {
  it.each<[string, object | string]>([
    ["Path", { path: "/tmp", Path: "/etc" }],
    ["PATH", { PATH: "/etc", path: "/tmp" }],
    ["path\\u0000", { path: "/tmp", "path\0": "/etc" }],
    ["p\\uff41th", { path: "/tmp", "p\uff41th": "/etc" }],
    ["PATH", { Path: "/tmp", PATH: "/etc" }],
    ["File_Path", { file_path: "/tmp", File_Path: "/etc" }],
    ["PAT\\u0048", '{"path":1,"PAT\\u0048":2}'],
  ])("with %s beside a declared parameter are refused", async (_key, args) => {
    expect(await refusal(callWith(tool, args))).toMatch(/^params\.arguments: the keys "/);
  });

  it.each<[string, object]>([
    ["two parameters that a tool declares", { a: "1", A: "2" }],
    ["a key that no parameter is like, twice", { key: 1, Key: 2 }],
    ["a parameter in another case alone, which some tools take", { Path: "/tmp" }],
    ["the same words set apart otherwise", { file_path: "/tmp", filePath: "/tmp" }],
    ["data that is a map", { path: { path: 1, Path: 2, env: { PATH: 1, path: 2 } } }],
    ["what has no arguments", {}],
  ])("are data: %s", async (_what, args) => {
    expect(await refusal(callWith(tool, args))).toBeUndefined();
  });

  it("are data where nothing is declared", async () => {
    for (const definition of [{}, { inputSchema: {} }, { inputSchema: { type: "object", properties: [] } }])
      expect(await refusal(callWith(definition, { a: 1, A: 2 }))).toBeUndefined();
    expect(await refusal(callWith(tool, "null"))).toBeUndefined();
    expect(await refusal(callWith(tool, "[]"))).toBeUndefined();
    expect(await refusal(callOf({ params: { arguments: { a: 1, A: 2 } } }))).toBeUndefined();
  });

  it("of a prompt are looked at as well", async () => {
    const prompt = { arguments: [{ name: "who" }] };
    expect(await refusal(callWith(prompt, { who: "a", Who: "b" }, "prompt"))).toContain('"Who"');
    expect(await refusal(callWith(prompt, { who: "a" }, "prompt"))).toBeUndefined();
  });

  it.each([{ Region: "us" }, { "region\0": "us" }, { deep: { Id: "1" } }, { deep: { id: "1", iD: "2" } }])(
    "that a header repeats are written as they are declared: %j",
    async args => {
      expect(await refusal(callWith(routed, args))).toContain("which is repeated in a header");
    },
  );

  it.each([{ REGION: "us" }, { region: "us", REGION: "eu" }, { deep: { ID: "1" } }, { deep: [{ Id: "1" }] }])(
    "that a header repeats may have declared neighbours: %j",
    async args => {
      expect(await refusal(callWith(routed, args))).toBeUndefined();
    },
  );
});
