import { describe, expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { parameterHeaderMismatch, parameterHeaders } from "./parameter-headers.ts";

const definition = Payload.of({
  name: "query",
  inputSchema: {
    type: "object",
    properties: {
      region: { type: "string", "x-mcp-header": "Region" },
      shard: { type: "integer", "x-mcp-header": "Shard" },
      deep: { type: "object", properties: { dry: { type: "boolean", "x-mcp-header": "Dry-Run" } } },
      free: { type: "string" },
    },
  },
});
const call = (args: unknown) =>
  typeof args === "string"
    ? Payload.parse(`{"name":"query","arguments":${args}}`)
    : Payload.of({ name: "query", arguments: args });
const mismatch = (args: unknown, headers: Record<string, string>) =>
  parameterHeaderMismatch(definition, call(args), headers);

describe("headers that repeat arguments", () => {
  it.each<[string, unknown, Record<string, string>]>([
    ["a text", { region: "eu west" }, { "mcp-param-region": "eu west" }],
    ["a text in base64", { region: "Zürich" }, { "mcp-param-region": "=?base64?WsO8cmljaA==?=" }],
    ["a text in base64 that need not be", { region: "eu" }, { "mcp-param-region": "=?base64?ZXU=?=" }],
    ["an empty text", { region: "" }, { "mcp-param-region": "=?base64??=" }],
    ["an integer", { shard: 7 }, { "mcp-param-shard": "7" }],
    ["an integer, spelled otherwise", { shard: 42 }, { "mcp-param-shard": "42.0" }],
    ["an integer that no double holds", '{"shard":9007199254740993}', { "mcp-param-shard": "9007199254740993" }],
    [
      "a larger one, spelled otherwise",
      '{"shard":18446744073709551617}',
      { "mcp-param-shard": "18446744073709551617.0" },
    ],
    ["an integer with an exponent", '{"shard":1e3}', { "mcp-param-shard": "1000" }],
    ["a zero below zero", '{"shard":-0}', { "mcp-param-shard": "0" }],
    ["what no double is large enough for", '{"shard":1E400}', { "mcp-param-shard": "10e399" }],
    ["a negative integer", { shard: -1 }, { "mcp-param-shard": "-1" }],
    ["a truth deep inside", { deep: { dry: false } }, { "mcp-param-dry-run": "false" }],
    ["what is null or not there, by not being there", { region: null, deep: {} }, {}],
    ["no arguments at all", undefined, {}],
    ["and others that no definition knows", { shard: 1 }, { "mcp-param-shard": "1", "mcp-param-vendor": "x" }],
  ])("agree: %s", (_what, args, headers) => {
    expect(mismatch(args, headers)).toBeUndefined();
  });

  it.each<[string, unknown, Record<string, string>, string]>([
    ["that are not there", { region: "eu" }, {}, "Missing Mcp-Param-Region header"],
    ["of another value", { region: "eu" }, { "mcp-param-region": "us" }, "Mcp-Param-Region header does not match"],
    ["in another case", { region: "eu" }, { "mcp-param-region": "EU" }, "does not match"],
    ["in broken base64", { region: "eu" }, { "mcp-param-region": "=?base64?!!?=" }, "is not valid base64"],
    ["of an argument that is null", { region: null }, { "mcp-param-region": "eu" }, "has no counterpart"],
    ["of an argument that is not there", {}, { "mcp-param-region": "eu" }, "has no counterpart"],
    ["of another number", { shard: 7 }, { "mcp-param-shard": "8" }, "does not match"],
    [
      "of the integer beside it",
      '{"shard":9007199254740993}',
      { "mcp-param-shard": "9007199254740992" },
      "does not match",
    ],
    ["of another number without end", '{"shard":1E400}', { "mcp-param-shard": "1E401" }, "does not match"],
    ["of infinity", '{"shard":1E400}', { "mcp-param-shard": "Infinity" }, "does not match"],
    ["with a plus", { shard: 7 }, { "mcp-param-shard": "+7" }, "does not match"],
    ["that are empty where there is a zero", { shard: 0 }, { "mcp-param-shard": "" }, "does not match"],
    ["in another base", { shard: 16 }, { "mcp-param-shard": "0x10" }, "does not match"],
    ["of another truth", { deep: { dry: false } }, { "mcp-param-dry-run": "0" }, "does not match"],
  ])("contradict: those %s", (_what, args, headers, why) => {
    expect(mismatch(args, headers)).toContain(why);
  });

  it("are made of whole numbers to their last digit", () => {
    const made = (shard: string) => parameterHeaders(definition, call(`{"shard":${shard}}`));
    for (const [shard, header] of [
      ["9007199254740993", "9007199254740993"],
      ["-9223372036854775808", "-9223372036854775808"],
      ["42.0", "42"],
      ["1e3", "1000"],
      ["1.5", "1.5"],
    ] as const)
      expect(made(shard)).toEqual({ "mcp-param-shard": header });
  });

  it("are made as they are checked", () => {
    for (const args of [
      '{"shard":9007199254740993}',
      '{"shard":-0}',
      '{"shard":1E400}',
      '{"shard":1e999999999}',
      { region: " Zürich\n", shard: -3, deep: { dry: true } },
      { region: "=?base64?eA==?=", shard: 0 },
      { region: "", deep: { dry: false } },
      { region: null },
    ]) {
      expect(parameterHeaderMismatch(definition, call(args), parameterHeaders(definition, call(args)))).toBeUndefined();
    }
  });

  it("are made and checked also where the annotation is spelled with an escape", () => {
    const escaped = Payload.parse(
      '{"name":"q","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-he\\u0061der":"A"}}}}',
    );
    expect(parameterHeaders(escaped, call({ a: "b" }))).toEqual({ "mcp-param-a": "b" });
    expect(parameterHeaderMismatch(escaped, call({ a: "b" }), {})).toBe("Missing Mcp-Param-A header");
  });
});
