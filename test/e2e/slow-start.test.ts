import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { UpstreamStatus } from "../../src/core/status.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type OddChild, oddChild } from "../fixtures/odd-child.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();

/** Writes each method that it gets into a file; `-` for each start. */
const JOURNAL = `const note = word => fs.appendFileSync("journal", word + "\\n"); note("-");`;
const journalOf = ({ dir }: { dir: string }): string[] => readFileSync(join(dir, "journal"), "utf8").trim().split("\n");

describe("what an upstream speaks", () => {
  const journalling: OddChild = {
    start: `${JOURNAL} const era = fs.existsSync("modern") ? modern : legacy;`,
    on: `note(message.method); if (seen.length === 1 && era === legacy && message.method !== "initialize") process.exit(1); era(message);`,
  };

  async function startTwice(more: Json, between: (dir: string) => void = () => {}): Promise<string[]> {
    const toml = configToml([oddChild("kept", journalling, more)]);
    const first = await startGateway({ toml });
    await first.until(all => all.upstreams.every(({ state }) => state === "ready"));
    const kept = mkdtempSync(join(tmpdir(), "radium-kept-"));
    await first.stop();
    cpSync(first.dir, kept, { recursive: true });
    await first.close();
    between(kept);
    const second = keep(await startGateway({ toml, prepare: dir => cpSync(kept, dir, { recursive: true }) }));
    rmSync(kept, { recursive: true });
    await second.until(all => all.upstreams.every(({ state }) => state === "ready"));
    return journalOf(second);
  }
  const firstWords = (journal: readonly string[]): (string | undefined)[] =>
    journal.flatMap((word, at) => (word === "-" ? [journal[at + 1]] : []));

  test("is found out once, and not again after a restart", async () => {
    expect(firstWords(await startTwice({}))).toEqual(["server/discover", "initialize", "initialize"]);
  });

  test("is found out anew in the same opening when it is no longer true", async () => {
    const journal = await startTwice({}, dir => writeFileSync(join(dir, "modern"), ""));
    expect(firstWords(journal)).toEqual(["server/discover", "initialize", "initialize", "server/discover"]);
  });

  test("is not asked where the configuration says it", async () => {
    expect(firstWords(await startTwice({ protocol: "legacy" }))).toEqual(["initialize", "initialize"]);
  });
});

describe("a server that is slow", () => {
  const silent: OddChild = { start: `console.log("Server listening on stdio");`, on: "" };
  const one = async (gateway: GatewayRun, check: (status: UpstreamStatus) => boolean): Promise<UpstreamStatus> => {
    const { upstreams } = await gateway.until(({ upstreams: [first] }) => first !== undefined && check(first));
    return upstreams[0]!;
  };

  test("is given up after `start_timeout`, by an error that names it and what was printed", async () => {
    const upstreams = [oddChild("talks", silent, { start_timeout: 0.5 })];
    const gateway = keep(await startGateway({ toml: configToml(upstreams) }));
    const { lastError } = await one(gateway, ({ state }) => state === "down");
    expect(lastError).toMatch(/within 0\.5 s; `start_timeout`.*instead of JSON-RPC: Server listening on stdio/);
    const { stdout } = await gateway.rad("mcp", "proxy", "status");
    expect(stdout).toMatch(/help: Give it longer with `start_timeout`/);
  });

  test("is not given up before, and what it prints can be seen meanwhile", async () => {
    const gateway = keep(await startGateway({ toml: configToml([oddChild("talks", silent)]) }));
    const { lastError, pid } = await one(gateway, status => status.lastError !== null);
    expect([lastError, pid]).toEqual(["it printed, instead of JSON-RPC: Server listening on stdio", null]);
    const { stdout } = await gateway.rad("mcp", "proxy", "logs", "--stderr", "talks");
    expect(stdout.trim()).toBe("[stdout] Server listening on stdio");
  });

  test("and answers what it was never asked says so, while it connects and later", async () => {
    const child: OddChild = {
      on: `if (message.method === "initialize") { say({ id: "mine", result: {} }); if (seen.length < 2) return; }
           legacy(message);`,
    };
    const gateway = keep(await startGateway({ toml: configToml([oddChild("strange", child)]) }));
    const status = await one(gateway, ({ state }) => state === "ready");
    expect(status.unmatched).toEqual({ count: 1, last: 'an answer with the id "mine", which was never asked' });
    expect((await gateway.rad("mcp", "proxy", "status")).stdout).toMatch(
      /strange: 1, the last: an answer with the id "mine"/,
    );
  });

  test("because it misses what the gateway's environment has is told how to get it", async () => {
    const child: OddChild = {
      start: `if (!process.env.SSL_CERT_FILE) { console.error("UnknownIssuer"); process.exit(2); }`,
      on: "legacy(message);",
    };
    const env = { SSL_CERT_FILE: "/nowhere/ca.pem", npm_config_registry: "http://127.0.0.1:9/" };
    const gateway = keep(await startGateway({ toml: configToml([oddChild("launcher", child)]), env }));
    const { lastError } = await one(gateway, ({ state }) => state === "down" || state === "crashlooping");
    expect(lastError).toMatch(
      /was not given .*; inherit_env = \[.*"SSL_CERT_FILE".*"npm_config_registry".*\] passes that on/,
    );
    expect((await gateway.rad("mcp", "proxy", "status")).stdout).toMatch(
      /help: It may miss what it was not given: .*`inherit_env`/,
    );
  });
});
