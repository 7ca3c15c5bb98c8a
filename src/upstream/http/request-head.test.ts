import { describe, expect, it } from "vitest";
import { createRequestHeads, type HeadParts, headerLines, headText, requestHead } from "./request-head.ts";

const PARTS: HeadParts = {
  ...{ method: "POST", path: "/mcp", fixed: ["user-agent", "x"], own: ["accept", "a/b"] },
  ...{ token: undefined, cookie: undefined },
};

describe("the head of a channel's requests", () => {
  it("is the same object while nothing of it changes", () => {
    const heads = createRequestHeads();
    expect(heads({ ...PARTS })).toBe(heads({ ...PARTS }));
    expect(heads(PARTS).headers).toEqual(["user-agent", "x", "accept", "a/b"]);
  });

  it.each<[string, Partial<HeadParts>, string]>([
    ["a token", { token: "t2" }, "authorization: Bearer t2"],
    ["a cookie", { cookie: "a=2" }, "cookie: a=2"],
    ["a path", { path: "/other" }, "POST /other HTTP/1.1"],
    ["a method", { method: "GET" }, "GET /mcp HTTP/1.1"],
    ["headers of its own", { own: ["accept", "c/d"] }, "accept: c/d"],
    ["configured headers", { fixed: ["user-agent", "y"] }, "user-agent: y"],
  ])("changes with %s", (_, change, line) => {
    const heads = createRequestHeads();
    const lines = headerLines();
    const first = headText(heads({ ...PARTS, token: "t1", cookie: "a=1" }), "h", lines);
    const second = headText(heads({ ...PARTS, token: "t1", cookie: "a=1", ...change }), "h", lines);
    expect(second).not.toBe(first);
    expect(second.split("\r\n")).toContain(line);
  });

  it("no longer has the token or the cookie that went away", () => {
    const heads = createRequestHeads();
    heads({ ...PARTS, token: "secret", cookie: "a=secret" });
    expect(headText(heads(PARTS), "h", headerLines())).not.toContain("secret");
  });

  it.each<[string, string, string[]]>([
    ["a path with a blank", "/a b", []],
    ["a path with a line break", "/a\r\nx: y", []],
    ["no path", "", []],
    ["a value with a line break", "/", ["x", "a\r\nb: c"]],
    ["a name with a colon", "/", ["x:", "a"]],
  ])("cannot be written with %s", (_, path, headers) => {
    expect(headText(requestHead("GET", path, headers), "h", headerLines())).toBe("");
  });
});
