import { expect, test } from "vitest";
import { upstream } from "../../test/cli/fake-gateway.ts";
import { createRedactor } from "../guard/redact.ts";
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

test("an upstream without an error has none without secrets either", () => {
  const status = upstream({ name: "files" });
  expect(withoutSecrets(status, createRedactor([]))).toEqual(status);
});
