import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldedKey, foldedWords, twinsOf } from "./key-twins.ts";
import { scanObject } from "./scan.ts";
import { AGENT_MESSAGE, ScanError, UPSTREAM_MESSAGE } from "./scan-limits.ts";

/** Why a message is refused, if it is. */
function refusal(message: unknown, limits = AGENT_MESSAGE): string | undefined {
  try {
    scanObject(Buffer.from(typeof message === "string" ? message : JSON.stringify(message)), limits);
    return undefined;
  } catch (error) {
    if (error instanceof ScanError) return error.message;
    throw error;
  }
}

describe("T-20 a key that other readers take for another one", () => {
  it.each([
    ["Name", "name"],
    ["NAME", "name"],
    ["argument\u017f", "arguments"],
    ["ta\u017f\u212a", "task"],
    ["progressTo\u212aen", "progressToken"],
    ["ur\u0131", "uri"],
    ["ur\u0130", "uri"],
    ["\uff4e\uff41\uff4d\uff45", "name"],
    ["name\u0000", "name"],
    ["name\u0000x", "name"],
    ["na\u200bme", "name"],
    ["na\u00adme", "name"],
    ["\ufeffname", "name"],
    ["name\ufe0f", "name"],
    ["name ", "name"],
    ["\tname\u00a0", "name"],
    ["\ud800name", "name"],
    ["\ufb01eld", "field"],
  ])("is found: %j for %j", (key, name) => {
    expect(foldedKey(key)).toBe(foldedKey(name));
    expect(twinsOf([name], foldedKey).of(key)).toBe(name);
  });

  it.each(["request_state", "request-state", "Request_State", "REQUESTSTATE"])(
    "is found where words are set apart: %j",
    key => {
      expect(twinsOf(["requestState"], foldedWords).of(key)).toBe("requestState");
    },
  );

  it("is not a key that merely resembles it", () => {
    const twins = twinsOf(["name", "uri", "_meta", "task"], foldedWords);
    const others = ["name", "names", "nam", "n ame", "\u043dame", "nàme", "meta", "na.me", "", "_", "-", "task_"];
    expect(others.filter(key => twins.of(key) !== undefined)).toEqual([]);
  });

  it("is whatever differs in the case of its letters, in any script", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), key => {
        expect(foldedKey(key.toUpperCase())).toBe(foldedKey(key));
        expect(foldedKey(key.toLowerCase())).toBe(foldedKey(key));
      }),
    );
  });
});

describe("T-20 a message of an agent", () => {
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call" };
  it.each<[string, string, object]>([
    ["the message", "Params", { ...call, params: { name: "echo" }, Params: {} }],
    ["the message", "METHOD", { jsonrpc: "2.0", id: 1, METHOD: "tools/call" }],
    ["the message", "iD", { ...call, iD: 2 }],
    ["the message", "Result", { jsonrpc: "2.0", id: 1, result: {}, Result: {} }],
    ["the message", "Error", { jsonrpc: "2.0", id: 1, result: {}, Error: {} }],
    ["params", "Name", { ...call, params: { name: "echo", Name: "secret" } }],
    ["params", "Arguments", { ...call, params: { name: "echo", Arguments: {} } }],
    ["params", "request_state", { ...call, params: { name: "echo", request_state: "x" } }],
    ["params", "_Meta", { ...call, params: { name: "echo", _Meta: {} } }],
    ["params", "URI", { ...call, method: "resources/read", params: { URI: "a:b" } }],
    ["params._meta", "ProgressToken", { ...call, params: { name: "echo", _meta: { ProgressToken: 1 } } }],
    [
      "params._meta",
      "io.modelcontextprotocol/ProtocolVersion",
      { ...call, params: { _meta: { "io.modelcontextprotocol/ProtocolVersion": "1" } } },
    ],
    ["params.ref", "Name", { ...call, params: { ref: { type: "ref/prompt", name: "a", Name: "b" } } }],
    ["params.argument", "Value", { ...call, params: { argument: { name: "a", Value: "b" } } }],
    [
      "an answer in params.inputResponses",
      "Action",
      { ...call, params: { inputResponses: { q: { action: "decline", Action: "accept" } } } },
    ],
    ["result", "Action", { jsonrpc: "2.0", id: 1, result: { action: "decline", Action: "accept" } }],
    ["error", "Code", { jsonrpc: "2.0", id: 1, error: { code: 1, Code: 2 } }],
  ])("is refused for a key in %s: %s", (section, key, message) => {
    expect(refusal(message)).toMatch(`${section}: the key "${key}" is taken for "`);
  });

  it("is taken with whatever keys the data of a tool have", () => {
    const env = { PATH: "a", path: "b", Name: 1, name: 2, Params: {}, method: "x", Method: "y", _meta: 1, _Meta: 2 };
    const message = {
      ...call,
      params: { name: "echo", arguments: { env, list: [env], ...env }, _meta: { "x/Name": 1 } },
    };
    expect(refusal(message)).toBeUndefined();
  });

  it("names a key so that a look-alike does not look like it", () => {
    expect(refusal({ ...call, params: { "n\uff41me": 1 } })).toContain('the key "n\\uff41me" is taken for "name"');
  });
});

describe("T-20 a message of an upstream", () => {
  it.each<[string, object]>([
    ["Result", { jsonrpc: "2.0", id: 1, result: {}, Result: {} }],
    ["Code", { jsonrpc: "2.0", id: 1, error: { code: -32000, message: "x", Code: -31010 } }],
    ["Data", { jsonrpc: "2.0", id: 1, error: { code: -32000, message: "x", Data: {} } }],
    ["ResultType", { jsonrpc: "2.0", id: 1, result: { resultType: "complete", ResultType: "task" } }],
    ["Mode", { jsonrpc: "2.0", id: 1, method: "elicitation/create", params: { mode: "form", Mode: "url" } }],
  ])("is refused for %s", (key, message) => {
    expect(refusal(message, UPSTREAM_MESSAGE)).toMatch(`the key "${key}" is taken for "`);
  });

  it.each([
    { jsonrpc: "2.0", id: 1, result: { TaskID: "a", ResultType: "json", meta: null, Content: [] } },
    { jsonrpc: "2.0", id: 1, result: { content: [], Content: [], structuredContent: { a: 1, A: 2 } } },
    { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1, progress_token: 1 } },
  ])("is taken where only its own agents may read it otherwise: %j", message => {
    expect(refusal(message, UPSTREAM_MESSAGE)).toBeUndefined();
  });
});
