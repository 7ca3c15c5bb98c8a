import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/app/cli.ts";
import type { ExitCode } from "../../src/app/exit-codes.ts";
import { platformOf } from "../../src/lib/platform.ts";
import { type Stage, stage } from "./fake-gateway.ts";

let folder: string;
let place: { cwd: string; env: Record<string, string> };
const RUN = ".radium/run/instance.json";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-crashed-"));
  place = { cwd: join(folder, "home"), env: { TMPDIR: folder } };
  mkdirSync(join(place.cwd, ".radium"), { recursive: true, mode: 0o700 });
  writeFileSync(join(place.cwd, ".radium/mcp-proxy.toml"), "[mcp.proxy]\nport = 3777\n", { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const rad = (on: Stage, line: string): Promise<ExitCode> => runCommandLine(line.split(" "), on.context);

async function started(): Promise<{ on: Stage; ended: Promise<ExitCode> }> {
  const on = stage(place);
  const ended = rad(on, "mcp proxy start");
  await Promise.race([on.printed("For example:"), ended]);
  return { on, ended };
}

async function once(line: string): Promise<{ code: ExitCode; out: string; err: string }> {
  const on = stage(place);
  const code = await rad(on, line);
  return { code, out: on.out(), err: on.err() };
}

describe("what is left of a gateway that crashed", () => {
  const leave = (record: object): void => {
    mkdirSync(join(place.cwd, ".radium/run"), { mode: 0o700 });
    writeFileSync(join(place.cwd, RUN), JSON.stringify({ socket: join(folder, "none.sock"), nonce: "a", ...record }));
  };

  it("is told by status and tidied away by stop", async () => {
    leave({ pid: 2 ** 22 + 1, startTime: "1" });
    expect(await once("mcp proxy status")).toMatchObject({
      code: 3,
      out: expect.stringContaining("did not end cleanly"),
    });
    expect(JSON.parse((await once("mcp proxy status --json")).out)).toMatchObject({
      schema: "rad.status/1",
      running: false,
    });
    expect((await once("mcp proxy stop")).code).toBe(3);
    expect(existsSync(join(place.cwd, RUN))).toBe(false);
  });

  it("is never a reason to kill the process that has its number now", async () => {
    const stranger = spawn("sleep", ["60"]);
    leave({ pid: stranger.pid, startTime: "long ago" });
    expect(await once("mcp proxy stop")).toMatchObject({ code: 3, err: expect.stringContaining("left alone") });
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    stranger.kill("SIGKILL");
  });

  /** Started as the gateway of the folder, and answers to nothing. */
  const deafGateway = (cwd: string, ...options: string[]): ChildProcessWithoutNullStreams => {
    const program = join(folder, "rad.js");
    writeFileSync(program, "process.on('SIGTERM',()=>{});console.log('up');setInterval(()=>{},1e3)");
    return spawn(process.execPath, [program, "mcp", "proxy", "start", ...options], { cwd });
  };

  it("is ended by signals when it is alive and deaf", async () => {
    const deaf = deafGateway(place.cwd);
    await new Promise(resolve => deaf.stdout.once("data", resolve));
    leave({ pid: deaf.pid, startTime: platformOf().processStartTime(deaf.pid ?? 0) });
    const { code, out } = await once("mcp proxy stop --timeout 0.05");
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`Ended the process ${deaf.pid}`) });
    expect(deaf.signalCode ?? (await new Promise(resolve => deaf.once("exit", (_, signal) => resolve(signal))))).toBe(
      "SIGKILL",
    );
    expect(existsSync(join(place.cwd, RUN))).toBe(false);
  });

  const STRANGERS: readonly (readonly [string, () => ChildProcess])[] = [
    ["a program of the user", () => spawn("sleep", ["60"])],
    ["a program that speaks of the gateway", () => spawn("sh", ["-c", "sleep 60; : rad.js mcp proxy start"])],
    [
      "the gateway of another configuration",
      () => {
        writeFileSync(join(folder, "other.toml"), "");
        return deafGateway(place.cwd, "--config", join(folder, "other.toml"));
      },
    ],
    ["the gateway of another folder", () => deafGateway(folder, "--demo")],
    [
      "another command of ours",
      () => spawn(process.execPath, ["-e", "setInterval(()=>{},1e3)", "rad.js", "mcp", "list"]),
    ],
  ];
  it.each(STRANGERS)("T-57 and names %s ends nothing: stop says how to do it by hand", async (_, start) => {
    const stranger = start();
    const gone = new Promise(resolve => stranger.once("exit", resolve));
    leave({ pid: stranger.pid, startTime: platformOf().processStartTime(stranger.pid ?? 0) });
    for (const command of ["mcp proxy stop --timeout 0.05", "mcp proxy restart --timeout 0.05"]) {
      const { code, err } = await once(command);
      expect(code).toBe(1);
      expect(err).toMatch(/^error\[RAD2019\]: Nothing shows that process \d+ is this gateway, so it is left alone/);
      expect(err).toContain(`ps -fp ${stranger.pid}`);
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    }
    stranger.kill("SIGKILL");
    await gone;
  });

  it("T-57 and names a server that only claims to be the gateway ends nothing and removes nothing", async () => {
    const socket = join(folder, "liar.sock");
    const liar = createServer(one =>
      one
        .on("error", () => {})
        .resume()
        .end(`{"v":1,"ok":true,"result":{"cut":0}}\n`),
    );
    await new Promise<void>(resolve => liar.listen(socket, resolve));
    const stranger = spawn("sleep", ["60"]);
    leave({ pid: stranger.pid, startTime: platformOf().processStartTime(stranger.pid ?? 0), socket });
    expect((await once("mcp proxy stop --timeout 0.05")).code).toBe(1);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    expect(existsSync(socket)).toBe(true);
    stranger.kill("SIGKILL");
    await new Promise(resolve => liar.close(resolve));
  });

  it("does not hinder the next start", async () => {
    leave({ pid: 2 ** 22 + 1, startTime: "1" });
    const { on, ended } = await started();
    expect(JSON.parse(readFileSync(join(place.cwd, RUN), "utf8"))).toMatchObject({ pid: process.pid });
    on.signals.emit("SIGINT");
    expect(await ended).toBe(0);
  });
});
