import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passBy, type Seen } from "./oversized.ts";

/** What is said of a text that passes in pieces of this size, and after how many bytes. */
function seen(text: string, pieceBytes = text.length): { said: Seen[]; afterBytes: number } {
  const said: Seen[] = [];
  let taken = 0;
  let afterBytes = -1;
  const passing = passBy(one => {
    said.push(one);
    afterBytes = taken;
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    taken += piece.length;
    passing.take(piece);
  }
  passing.end();
  return { said, afterBytes };
}

const BODY = String.raw`{"content":[{"type":"text","text":"\"id\":9,\\\"method\":{[\\"},{"id":8,"method":"x"}],"n":[1,-2.5e3,true]}`;

describe("a message that passes", () => {
  it.each<[string, string, Seen]>([
    ["an answer whose id comes first", `{"jsonrpc":"2.0","id":7,"result":${BODY}}`, { kind: "answer", id: "7" }],
    ["an answer whose id comes last", `{"result":${BODY},"jsonrpc":"2.0","id": 7 }`, { kind: "answer", id: "7" }],
    ["an id that is a text", `{"result":${BODY},"id":"a\\"b"}`, { kind: "answer", id: '"a\\"b"' }],
    ["an error", ` { "error" : ${BODY} , "id" : 12 } `, { kind: "answer", id: "12" }],
    ["a request", `{"id":7,"params":${BODY},"method":"sampling/createMessage"}`, { kind: "other" }],
    ["a notification", `{"jsonrpc":"2.0","method":"notifications/message","params":${BODY}}`, { kind: "other" }],
    ["an answer without id", `{"result":${BODY}}`, { kind: "unknown" }],
    ["an id and nothing else", `{"id":7,"x":${BODY}}`, { kind: "unknown" }],
    ["no object", `[{"id":7,"result":1}]`, { kind: "unknown" }],
    ["no JSON", `Listening on port 3000: "id", {`, { kind: "unknown" }],
    ["nothing", "", { kind: "unknown" }],
  ])("is known for what it is, however it is cut: %s", (_, text, expected) => {
    for (const size of [1, 2, 3, 7, 1_000]) expect(seen(text, size).said).toEqual([expected]);
  });

  it("is known as soon as it can be, while its end has not come", () => {
    const text = `{"jsonrpc":"2.0","id":7,"result":"${"x".repeat(1_000_000)}"}`;
    expect(seen(text, 100)).toEqual({ said: [{ kind: "answer", id: "7" }], afterBytes: 100 });
  });

  it("is an answer to what it names, whatever else it says", () => {
    void fc.assert(
      fc.property(fc.integer(), fc.jsonValue(), fc.nat(20), fc.boolean(), (id, value, cut, last) => {
        const text = JSON.stringify(last ? { result: { value }, id } : { id, result: { value } });
        expect(seen(text, cut + 1).said).toEqual([{ kind: "answer", id: String(id) }]);
      }),
    );
  });
});
