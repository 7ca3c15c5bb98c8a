import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, writeConfig } from "../fixtures/gateway.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { type Seed, seedsOf } from "./corpus.ts";
import { SEED, seeded } from "./random.ts";
import { isMessage } from "./responses.ts";
import { BUG, relatives } from "./traffic.ts";

const LINES = 4_000;
/** A good call follows after so many lines. */
const PER_CALL = 40;

let upstream: Upstream;
let place: { dir: string; configPath: string };

beforeAll(async () => {
  upstream = await startUpstream({ name: "good" });
  const security = { rate_limit_per_minute: 0 };
  place = writeConfig(configToml([{ name: "good", transport: "http", url: upstream.url }], { security }));
});

afterAll(async () => {
  await upstream?.close();
  rmSync(place.dir, { recursive: true, force: true });
});

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "good-agent", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const goodCall = (nonce: string): string => {
  const params = { name: "good:echo", arguments: { nonce }, _meta: META };
  return JSON.stringify({ jsonrpc: "2.0", id: `good-${nonce}`, method: "tools/call", params });
};
const HANDSHAKE = JSON.stringify({
  jsonrpc: "2.0",
  id: "opening",
  method: "initialize",
  params: { protocolVersion: "2025-03-26", capabilities: { sampling: {} }, clientInfo: { name: "fuzz", version: "1" } },
});

/** Writes all lines to a gateway of its own, with good calls in between, and reads everything that it says. */
async function converse(first: readonly string[], lines: readonly Seed[]) {
  const child = spawn(process.execPath, [GATEWAY, "mcp", "proxy", "stdio", "--config", place.configPath], {
    cwd: place.dir,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", text => {
    complaints += text;
  });
  child.stdin.on("error", () => {});
  const heard: string[] = [];
  const waiting = new Map<string, () => void>();
  createInterface({ input: child.stdout }).on("line", text => {
    heard.push(text);
    const nonce = /"id":"good-(\d+)"/.exec(text)?.[1];
    if (nonce !== undefined) waiting.get(nonce)?.();
  });
  const write = async (bytes: Buffer | string): Promise<void> => {
    if (!child.stdin.write(bytes)) await once(child.stdin, "drain");
  };
  const call = async (nonce: string): Promise<void> => {
    const answered = new Promise<void>(resolve => waiting.set(nonce, resolve));
    await write(`\n${goodCall(nonce)}\n`);
    await answered;
  };
  for (const line of first) await write(`${line}\n`);
  await call("0");
  for (const [at, { bytes }] of lines.entries()) {
    await write(Buffer.concat([bytes, NEW_LINE]));
    if ((at + 1) % PER_CALL === 0) await call(String(at + 1));
  }
  await call(String(lines.length + 1));
  child.stdin.end();
  const [code] = (await once(child, "close")) as [number | null];
  return { code, complaints, heard, calls: waiting.size };
}

const NEW_LINE = Buffer.from("\n");

describe(`malformed lines on standard input, seed ${SEED}`, () => {
  test.each([
    ["without a session", [], 20],
    ["in a session", [HANDSHAKE, '{"jsonrpc":"2.0","method":"notifications/initialized"}'], 21],
  ])(
    `%s: ${LINES / 2} of them are answered with JSON-RPC or not at all, and good calls succeed`,
    async (_, first, turn) => {
      const seeds = seedsOf("requests");
      const lines = [...seeds, ...relatives(seeds, LINES / 2 - seeds.length, seeded(SEED + turn))];
      const startedAt = performance.now();
      const { code, complaints, heard, calls } = await converse(first, lines);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(`${lines.length} malformed lines in ${seconds} s, ${calls} good calls between them`);
      expect(heard.filter(text => !isMessage(text)).slice(0, 5)).toEqual([]);
      const good = heard.flatMap(text => {
        const { id, result } = JSON.parse(text);
        return String(id).startsWith("good-") ? [{ id, nonce: result?.structuredContent?.nonce }] : [];
      });
      expect(good).toHaveLength(calls);
      expect(good.filter(({ id, nonce }) => id !== `good-${nonce}`)).toEqual([]);
      expect(code).toBe(0);
      expect(complaints).not.toMatch(BUG);
    },
  );
});
