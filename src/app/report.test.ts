import { expect, test } from "vitest";
import { upstream } from "../../test/cli/fake-gateway.ts";
import { createRedactor } from "../guard/redact.ts";
import { NO_MORE_TOKENS } from "../upstream/http/credentials.ts";
import { PROXY_WANTS } from "../upstream/http/faults.ts";
import { atTokenEndpoint } from "../upstream/http/oauth.ts";
import { hiddenNote } from "../upstream/upstream-status.ts";
import { withoutSecrets } from "./report.ts";

test("what is told of an upstream holds no secret of its arguments, its errors or its stderr", () => {
  const status = upstream({
    name: "files",
    address: "node server.js --token=canary-1 --port 80",
    lastError: 'the server said: "password=canary-2"',
    stderr: ["listening on port 80", "DB_PASSWORD=canary-3"],
  });
  const told = withoutSecrets(status, createRedactor(["password", "token"]));
  expect(JSON.stringify(told)).not.toContain("canary");
  expect(told).toMatchObject({ name: "files", address: expect.stringContaining("--port 80") });
  expect(told.stderr[0]).toBe("listening on port 80");
});

test.each([
  hiddenNote(3),
  atTokenEndpoint("login.example.com:443", "the host name is unknown (ENOTFOUND)"),
  atTokenEndpoint("localhost:9090", "it refuses the client: invalid_client"),
  NO_MORE_TOKENS,
  `the proxy at p:1, which HTTP_PROXY names: it does not let us through, HTTP 407${PROXY_WANTS}`,
])("what the gateway says itself is told whole: %s", said => {
  const status = upstream({ name: "files", lastError: said, notes: [said] });
  expect(withoutSecrets(status, createRedactor(["api[_-]?key", "password", "token"]))).toEqual(status);
});

test("an upstream without an error has none without secrets either", () => {
  const status = upstream({ name: "files" });
  expect(withoutSecrets(status, createRedactor([]))).toEqual(status);
});
