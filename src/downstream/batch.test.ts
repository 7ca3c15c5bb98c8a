import { describe, expect, test } from "vitest";
import { readText } from "./batch.ts";

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const read = (text: string) => readText(Buffer.from(text));

describe("several messages in one array", () => {
  test("are read one by one, whatever stands between them", () => {
    expect(read(` \n[ ${PING} ,\t{"jsonrpc":"2.0","method":"x"}, 7, "a", [{}] ] \r\n`)).toMatchObject({
      kind: "batch",
      items: [
        { kind: "request", method: "ping" },
        { kind: "notification", method: "x" },
        ...Array.from({ length: 3 }, () => ({ kind: "invalid", message: "expected an object" })),
      ],
      answers: 4,
    });
  });

  test.each([
    ["none", "[]", "shape"],
    ["an end that is missing", `[${PING}`, "syntax"],
    ["something after the end", `[${PING}] x`, "syntax"],
    ["a comma too many", `[${PING},]`, "syntax"],
    ["a literal that is none", "[nul]", "syntax"],
    ["too deep an element", `[${"[".repeat(200)}${"]".repeat(200)}]`, "too_deep"],
  ])("are refused: %s", (_, text, reason) => {
    expect(read(text)).toMatchObject({ kind: "invalid", reason });
  });

  test("may be a hundred", () => {
    expect(read(`[${Array.from({ length: 100 }, () => PING).join()}]`)).toMatchObject({ kind: "batch", answers: 100 });
  });

  test("are refused after the hundredth, before the rest is read", () => {
    expect(read(`[${"{},".repeat(100)}{}, and what follows is no JSON`)).toMatchObject({
      kind: "invalid",
      reason: "shape",
    });
  });
});
