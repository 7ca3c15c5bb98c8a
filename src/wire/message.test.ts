import { describe, expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { AGENT_TEXT } from "../core/scan-limits.ts";
import { errorText, oneLine, readMessage, requestParts, resultParts } from "./message.ts";

const read = (text: string) => readMessage(Buffer.from(text), AGENT_TEXT);

describe("reading a message", () => {
  it.each([
    ['{"jsonrpc":"2.0","id":1,"method":"ping"}', "request"],
    ['{"method":"ping","params":{},"id":"a","jsonrpc":"2.0"}', "request"],
    ['{"jsonrpc":"2.0","method":"notifications/initialized"}', "notification"],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', "result"],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', "error"],
    ['{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}', "error"],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":null,"result":null,"error":null}', "request"],
    ['{"jsonrpc":"2.0","id":null,"method":"notifications/initialized","params":null}', "notification"],
    ['{"jsonrpc":"2.0","id":1,"method":null,"params":null,"result":{},"error":null}', "result"],
    ['{"jsonrpc":"2.0","id":1,"result":null}', "result"],
    ['{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":"x"}}', "error"],
  ])("tells what %s is", (text, kind) => expect(read(text).kind).toBe(kind));

  it.each([
    ['{"id":1,"method":"ping"}', "shape"],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', "shape"],
    ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', "shape"],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', "shape"],
    ['{"jsonrpc":"2.0","id":90071992547409930,"method":"ping"}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"method":7}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"method":null}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"error":null}', "shape"],
    ['{"jsonrpc":"2.0","id":null,"result":{}}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"result":[]}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', "shape"],
    ['{"jsonrpc":"2.0","id":1}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}', "shape"],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","n\\u0061me":"evil"}}', "shape"],
    ["[]", "syntax"],
    ["", "syntax"],
    ['{"jsonrpc":"2.0"', "syntax"],
    [`{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":${"[".repeat(200)}${"]".repeat(200)}}}`, "too_deep"],
  ])("refuses %s", (text, reason) => expect(read(text)).toMatchObject({ kind: "invalid", reason }));

  it.each([
    ["a request", '"id":"a","method":"ask","params":{"x":1}'],
    ["a request without parameters", '"id":"a","method":"ask"'],
    ["a notification", '"method":"tell","params":{"x":1}'],
    ["a result", '"id":"a","result":{"x":1}'],
    ["an error", '"id":"a","error":{"x":1}'],
  ])("keeps of %s no more alive than it is", (_, members) => {
    const message = read(`{"jsonrpc":"2.0",${members},"more":"${"x".repeat(1_000_000)}"}`);
    const { id, params, result, error } = message as { [part: string]: unknown } & Record<"id", Buffer | undefined>;
    const payload = (params ?? result ?? error) as Payload | undefined;
    const kept = [id, payload?.bytes].filter(bytes => bytes !== undefined);
    expect(kept.length).toBeGreaterThan(0);
    for (const bytes of kept) expect(bytes.buffer.byteLength).toBeLessThan(100_000);
    expect([id?.toString() ?? '"a"', payload?.raw("x")?.toString() ?? "1"]).toEqual(['"a"', "1"]);
  });

  it("keeps ids exactly as they were spelled", () => {
    for (const id of ["9007199254740993", '"9007199254740993"', "-0", '"\\u0041"', "0"]) {
      const message = read(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
      expect(message.kind === "request" && message.id.toString()).toBe(id);
    }
  });
});

describe("writing a message", () => {
  it("copies neither parameters nor results", () => {
    const params = Payload.parse('{ "a" : 1 }');
    expect(Buffer.concat(requestParts(3, "m", params)).toString()).toBe(
      '{"jsonrpc":"2.0","id":3,"method":"m","params":{ "a" : 1 }}',
    );
    expect(Buffer.concat(resultParts(Buffer.from('"x"'), params)).toString()).toBe(
      '{"jsonrpc":"2.0","id":"x","result":{ "a" : 1 }}',
    );
  });

  it("leaves the id out of an error where none could be read", () => {
    expect(errorText(undefined, Payload.of({ code: 1 })).toString()).toBe('{"jsonrpc":"2.0","error":{"code":1}}');
  });

  it("fits a pretty-printed message on one line without changing its meaning", () => {
    const value = { a: "line\nbreak", b: [1, { c: null }] };
    const line = oneLine(Buffer.from(JSON.stringify(value, null, 2).replaceAll("\n", "\r\n")));
    expect(line.includes("\n") || line.includes("\r")).toBe(false);
    expect(JSON.parse(line.toString())).toEqual(value);
  });
});
