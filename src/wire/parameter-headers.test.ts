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
const call = (args: unknown) => Payload.of({ name: "query", arguments: args });
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
    ["that are empty where there is a zero", { shard: 0 }, { "mcp-param-shard": "" }, "does not match"],
    ["in another base", { shard: 16 }, { "mcp-param-shard": "0x10" }, "does not match"],
    ["of another truth", { deep: { dry: false } }, { "mcp-param-dry-run": "0" }, "does not match"],
  ])("contradict: those %s", (_what, args, headers, why) => {
    expect(mismatch(args, headers)).toContain(why);
  });

  it("are made as they are checked", () => {
    for (const args of [
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
