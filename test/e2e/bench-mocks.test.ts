import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { poll } from "../fixtures/poll.ts";

const noCompiler = spawnSync("cc", ["--version"]).status !== 0 && "there is no C compiler";
const folder = mkdtempSync(join(tmpdir(), "rad-mocks-"));
const binary = join(folder, "mock");
const scripted: [string, string[]] = [process.execPath, ["bench/mock-upstream.mjs"]];
const started: ChildProcess[] = [];
const bases: string[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

beforeAll(async () => {
  if (noCompiler) return;
  execFileSync("cc", ["-O1", "-o", binary, "bench/mock-upstream.c"]);
  for (const [command, args] of [[binary, []], scripted] as [string, string[]][]) {
    const port = await freePort();
    started.push(spawn(command, [...args, String(port)], { stdio: "ignore" }));
    bases.push(`http://127.0.0.1:${port}`);
  }
  const answers = (base: string) =>
    fetch(base).then(
      response => response.status === 405,
      () => false,
    );
  await poll(async () => (await Promise.all(bases.map(answers))).every(Boolean));
});
afterAll(async () => {
  for (const child of started) child.kill();
  await Promise.all(started.map(child => child.exitCode ?? child.signalCode ?? once(child, "exit")));
  rmSync(folder, { recursive: true });
});

/** What counts of an answer. */
async function ask(base: string, [path, method, params, headers]: Asked): Promise<unknown> {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    ...(method.startsWith("notifications/") ? {} : { id: 1 }),
    method,
    params,
  });
  const sent = { "content-type": "application/json", ...headers };
  const response = await fetch(base + path, { method: "POST", body, headers: sent });
  const { headers: said, status } = response;
  return { status, type: said.get("content-type"), session: said.get("mcp-session-id"), text: await response.text() };
}

type Asked = [path: string, method: string, params: object, headers?: Record<string, string>];
const call = (args: object): object => ({ name: "echo", arguments: args });
const session = { "mcp-session-id": "mock-00000001" };

describe.skipIf(noCompiler)("the mock upstream in C and its twin in JavaScript", () => {
  test.each<Asked>([
    ["/mcp", "server/discover", {}],
    ["/mcp", "tools/list", {}],
    ["/mcp", "tools/call", call({ size: 300 })],
    ["/mcp", "tools/call", call({ size: 1024 * 1024 })],
    ["/mcp", "tools/call", call({ size: 300, text: "x".repeat(1024 * 1024) })],
    ["/mcp", "tools/call", call({ size: 1 })],
    ["/mcp", "initialize", {}],
    ["/mcp", "notifications/cancelled", {}],
    ["/sse", "tools/call", call({ size: 300 })],
    ["/sse", "tools/list", {}],
    ["/tools/20/7", "tools/list", {}],
    ["/tools/10000/0", "tools/list", {}],
    ["/legacy", "initialize", { protocolVersion: "2025-06-18" }],
    ["/legacy", "tools/call", call({ size: 300 })],
    ["/legacy", "tools/call", call({ size: 300 }), session],
    ["/legacy", "tools/list", {}, session],
    ["/legacy", "ping", {}, session],
    ["/legacy", "server/discover", {}, session],
    ["/legacy", "notifications/initialized", {}, session],
  ])("answer the same at %s to %s", async (...asked) => {
    const [compiled, script] = await Promise.all(bases.map(base => ask(base, asked)));
    expect(script).toEqual(compiled);
  });

  test("answer lines on stdin alike", () => {
    const methods = ["server/discover", "tools/list", "tools/call", "nonsense"];
    const lines = methods.map((method, id) => `${JSON.stringify({ jsonrpc: "2.0", id, method, params: {} })}\n`);
    const said = ([command, args]: [string, string[]]) =>
      execFileSync(command, [...args, "stdio"], { input: lines.join(""), encoding: "utf8" });
    expect(said(scripted)).toBe(said([binary, []]));
  });

  test("make answers of the size that is asked for", async () => {
    const answer = (await ask(String(bases[0]), ["/mcp", "tools/call", call({ size: 10_240 })])) as { text: string };
    expect(answer.text).toHaveLength(10_240);
  });
});
