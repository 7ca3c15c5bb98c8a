import { expect, test } from "vitest";
import { endpointOf, pathOf, placeOf } from "./paths.ts";

const placeAt = (target: string, method = "GET") => placeOf(pathOf(target), { target, method });

test.each([
  ["/mcp", ["/mcp/", "//mcp", "/mcp//", "/mcp?x=1", "/mcp/?x=1", "/", "//", "/?x=1"]],
  ["/mcp/up", ["/mcp/up/", "//mcp/up", "/mcp//up", "/mcp/up?x=/y/", "/mcp/%75p"]],
  ["/sse", ["/sse/", "//sse", "/sse?x=1"]],
  ["/messages", ["/messages/", "/messages?sessionId=1", "/messages/?sessionId=1"]],
  ["/healthz", ["/healthz/", "//healthz", "/healthz?verbose"]],
  ["/readyz", ["/readyz/"]],
])("%s has other spellings, all served as it is", (path, spellings) => {
  expect(placeAt(path).kind).not.toBe("nowhere");
  for (const spelling of spellings) expect(placeAt(spelling), spelling).toEqual(placeAt(path));
});

test.each([
  ...["/MCP", "/mcp/up/x", "/mcp/../mcp", "/mcp/%2e%2e/x", "/mcp/%E0%A4%A", "/sse/up", "/health", "/mcpx"],
  ...["", "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp", "/favicon.ico"],
])("%j is nowhere", path => {
  expect(placeAt(path)).toEqual({ kind: "nowhere" });
});

test("a message over HTTP+SSE finds its way by the query alone, wherever clients put it", () => {
  const reference = endpointOf("a/b+c=");
  expect(reference).toBe("?sessionId=a%2Fb%2Bc%3D");
  const resolved = (base: string) => new URL(reference, base).pathname + new URL(reference, base).search;
  const origin = "http://127.0.0.1:3000";
  for (const base of [`${origin}/sse`, `${origin}/sse/`, `${origin}/sse?x=1`, origin, `${origin}/`])
    expect(placeAt(resolved(base), "POST"), base).toEqual({ kind: "messages" });
  // What else is done at these addresses stays what it is.
  for (const path of ["/", "/sse"]) expect(placeAt(path + reference)).toEqual(placeAt(path));
  for (const path of ["/", "/sse"]) expect(placeAt(path, "POST")).toEqual(placeAt(path));
  expect(placeAt(`/mcp${reference}`, "POST").kind).toBe("mcp");
});
