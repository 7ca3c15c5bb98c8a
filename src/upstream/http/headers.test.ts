import { expect, it } from "vitest";
import type { TokenSource } from "./credentials.ts";
import { staticHeaders } from "./headers.ts";

const configured = {
  "X-Api-Key": "k",
  Authorization: "Basic x",
  "Mcp-Session-Id": "mine",
  "content-length": "3",
  "Transfer-Encoding": "chunked",
};

it("sends configured headers except those that the transport owns, and asks for no compression", () => {
  expect(staticHeaders(configured, undefined)).toEqual([
    ...["accept-encoding", "identity", "X-Api-Key", "k", "Authorization", "Basic x"],
  ]);
});

it("lets credentials replace a configured authorization", () => {
  const credentials: TokenSource = { token: () => "t", invalidate() {} };
  expect(staticHeaders(configured, credentials)).toEqual(["accept-encoding", "identity", "X-Api-Key", "k"]);
});
