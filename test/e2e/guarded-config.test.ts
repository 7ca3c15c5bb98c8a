import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PendingChange } from "../../src/core/status.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { STDIO_SERVERS } from "../fixtures/real-servers.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const child: Json = { name: "child", transport: "stdio", ...upstreamCommand("--tools", "count,echo") };

/** Rooted at the folder in which it runs: the project's. */
const { cwd: _, ...filesystem } = STDIO_SERVERS.filesystem(".").config;
const files: Json = filesystem;

/** A program that leaves a mark when it runs. */
const marking = (mark: string): Json => ({
  ...{ name: "evil", transport: "stdio" },
  ...{ command: process.execPath, args: ["-e", `require("fs").writeFileSync(${JSON.stringify(mark)}, "ran")`] },
});

const write = (gateway: GatewayRun, tables: readonly Json[], proxy: Json = {}): void =>
  writeFileSync(gateway.configPath, configToml(tables, proxy));
const waiting = (pending: readonly PendingChange[]): string[] => pending.map(({ key }) => key);

describe("T-45 a file that a tool writes", () => {
  test("starts no program: the change waits, `status` names it, and a person applies it with SIGHUP", async () => {
    const gateway = keep(await startGateway({ toml: configToml([files]) }));
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    const mark = join(gateway.dir, "mark");
    const evil = configToml([files, marking(mark)], {
      security: { rate_limit_per_minute: 59 },
    });
    const agent = keep(await legacyAgent(gateway.url));
    const { message } = await agent.request("tools/call", {
      ...{ name: "write_file", arguments: { path: gateway.configPath, content: evil } },
    });
    expect(message?.result).toMatchObject({ content: [{ text: expect.stringContaining("Successfully wrote") }] });

    const { pending, upstreams } = await gateway.until(status => status.pending.length > 0);
    expect(pending).toEqual([
      {
        key: "upstreams.evil",
        change: `added upstream "evil", which starts ${process.execPath}`,
        reason: "it starts a program",
        until: "reload",
        running: null,
        configured: null,
      },
    ]);
    expect(upstreams.map(({ name }) => name)).toEqual(["filesystem"]);
    expect(existsSync(mark)).toBe(false);
    // What is safe has been applied, and both are said once.
    expect(gateway.output()).toContain("Reloaded. security.rate_limit_per_minute: 60 → 59");
    expect(gateway.output().match(/wait\. If you made them/g)).toHaveLength(1);
    const { stdout } = await gateway.rad("mcp", "proxy", "status");
    expect(stdout).toContain("rad mcp proxy reload");
    expect(stdout).toContain('added upstream "evil"');

    process.kill(gateway.pid, "SIGHUP");
    expect(await poll(() => existsSync(mark))).toBe(true);
    await gateway.until(status => status.pending.length === 0);
  });

  test("waits no more once it is what it was", async () => {
    const gateway = keep(await startGateway({ toml: configToml([child]) }));
    const before = readFileSync(gateway.configPath, "utf8");
    write(gateway, [child, marking(join(gateway.dir, "mark"))]);
    await gateway.until(status => status.pending.length === 1);
    writeFileSync(gateway.configPath, before);
    await gateway.until(status => status.pending.length === 0);
    expect(gateway.output()).toContain("Nothing in the configuration waits any more.");
    expect(existsSync(join(gateway.dir, "mark"))).toBe(false);
  });

  test("starts no child anew, whose program may have been overwritten with it", async () => {
    const gateway = keep(await startGateway({ toml: configToml([child]) }));
    const { upstreams } = await gateway.until(status => status.upstreams[0]?.state === "ready");
    write(gateway, [{ ...child, max_concurrency: 3 }]);
    const { pending } = await gateway.until(status => status.pending.length > 0);
    expect(pending).toMatchObject([{ key: "upstreams.child", reason: "its program would be restarted" }]);
    // Taking it away and putting it back would start it as well.
    write(gateway, []);
    await gateway.until(status => status.pending[0]?.change === 'removed upstream "child"');
    write(gateway, [child]);
    const after = await gateway.until(status => status.pending.length === 0);
    expect(after.upstreams[0]?.pid).toBe(upstreams[0]?.pid);
  });

  test("narrows what a child may be asked for at once, and keeps the child", async () => {
    const gateway = keep(await startGateway({ toml: configToml([child]) }));
    const { upstreams } = await gateway.until(status => status.catalog.tools === 2);
    write(gateway, [{ ...child, tools: ["echo"] }]);
    const after = await gateway.until(status => status.catalog.tools === 1);
    expect(after.upstreams[0]?.pid).toBe(upstreams[0]?.pid);
    const refused = await modernAgent(gateway.url).request("tools/call", { name: "count", arguments: {} });
    expect(refused.message?.error?.code).toBe(-32602);
    write(gateway, [child]);
    const { pending, catalog } = await gateway.until(status => status.pending.length > 0);
    expect([waiting(pending), catalog.tools]).toEqual([["upstreams.child"], 1]);
  });

  test("reaches no new place, opens no door and shows none of its secrets", async () => {
    const upstream = keep(await startUpstream({ name: "fixture" }));
    const table = { name: "fixture", transport: "http", url: upstream.url };
    const gateway = keep(await startGateway({ toml: configToml([table]) }));
    await gateway.until();
    const other = keep(await startUpstream({ name: "fixture" }));
    const headers = { "X-Api-Key": "s3cret-canary" };
    const security = { rate_limit_per_minute: 0, log_requests: false, redact_patterns: [] };
    write(gateway, [{ ...table, url: `${other.url}?key=s3cret-canary`, headers }], {
      ...{ allowed_origins: ["https://evil.example"], allowed_hosts: ["evil.example"], watch: "all", security },
    });
    const { pending } = await gateway.until(status => status.pending.length > 1);
    expect(waiting(pending).sort()).toEqual([
      ...["allowed_hosts", "allowed_origins", "security.log_requests", "security.rate_limit_per_minute"],
      ...["security.redact_patterns", "upstreams.fixture", "watch"],
    ]);
    expect(JSON.stringify(pending) + gateway.output()).not.toContain("s3cret");
    // The gateway goes on as it was: a second look at the same file changes nothing.
    write(gateway, [{ ...table, url: other.url, headers }, child], { watch: "all" });
    await gateway.until(status => waiting(status.pending).includes("upstreams.child"));
    expect(other.journal.requests).toEqual([]);
    const reload = await gateway.rad("mcp", "proxy", "reload");
    expect(reload.stdout).toContain("watch: safe → all");
    expect(reload.stdout).toContain(`added upstream "child", which starts ${process.execPath}`);
    await gateway.until(({ pending, upstreams }) => pending.length === 0 && upstreams.length === 2);
  });

  test("is applied as a whole where a person has said so, and not at all where he has said that", async () => {
    const all = keep(await startGateway({ toml: configToml([], { watch: "all" }) }));
    write(all, [child], { watch: "all" });
    await all.until(({ upstreams }) => upstreams.length === 1);
    const off = keep(await startGateway({ toml: configToml([], { watch: "off" }) }));
    write(off, [], { watch: "off", security: { rate_limit_per_minute: 5 } });
    const { pending } = await off.until(status => status.pending.length > 0);
    expect(pending).toMatchObject([{ key: "security.rate_limit_per_minute", reason: 'watch = "off"' }]);
  });

  test("chooses no other configuration for the next start, when it is the run file", async () => {
    const gateway = keep(await startGateway({ toml: configToml([]) }));
    const mark = join(gateway.dir, "mark");
    const evil = join(gateway.dir, "evil.toml");
    writeFileSync(evil, configToml([marking(mark)]), { mode: 0o600 });
    const runFile = join(gateway.dir, ".radium/run/instance.json");
    const forged = { ...JSON.parse(readFileSync(runFile, "utf8")), flags: ["--port", "0", "--config", evil] };
    writeFileSync(runFile, JSON.stringify(forged));
    const { code, stderr } = await gateway.rad("mcp", "proxy", "restart");
    expect([code, stderr, existsSync(mark)]).toEqual([0, "", false]);
    const after = await gateway.until();
    expect([after.config, after.upstreams]).toEqual([gateway.configPath, []]);
    await gateway.rad("mcp", "proxy", "stop");
  });

  test("is not taken once everybody may write it or to its folder, and `status` says so", async () => {
    const gateway = keep(await startGateway({ toml: configToml([]) }));
    const folder = join(gateway.dir, ".radium");
    chmodSync(folder, 0o777);
    const { warnings } = await gateway.until(status => status.warnings.length > 0);
    expect(warnings.join("\n")).toContain(`may write to the folder ${folder}`);
    expect(await poll(() => gateway.output().includes("Not reloaded"))).toBe(true);
    const reload = await gateway.rad("mcp", "proxy", "reload");
    expect([reload.code, reload.stderr]).toEqual([5, expect.stringContaining("RAD1009")]);
    chmodSync(folder, 0o700);
    await gateway.until(status => status.warnings.length === 0);
  });
});
