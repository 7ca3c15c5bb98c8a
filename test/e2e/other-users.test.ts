import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { configToml, rad, startGateway, writeConfig } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { oddChild } from "../fixtures/odd-child.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();
const canSwitch = process.platform === "linux" && process.getuid?.() === 0;
if (!canSwitch) console.log("children of other users are not looked at: this needs Linux and root");

/** A folder that every user may use. */
function open(): string {
  const folder = mkdtempSync(join(tmpdir(), "radium-user-"));
  chmodSync(folder, 0o777);
  keep({ dir: folder, close: async () => rmSync(folder, { recursive: true, force: true }) });
  return folder;
}

/** Writes down who it is and which of the paths it can read, connect to, or look into. */
const curious = (name: string, user: string, cwd: string, paths: readonly string[] = []): Json =>
  oddChild(
    name,
    {
      start: `
        const os = require("node:os"), net = require("node:net");
        const reached = ${JSON.stringify(paths)}.concat(["environ", "mem", "fd/0", "maps"].map(one => "/proc/" + process.ppid + "/" + one)).filter(path => {
          try { fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path); return true; } catch { return false; }
        });
        const { HOME, USER, LOGNAME, SHELL, TMPDIR, SET } = process.env;
        const who = { uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(), HOME, USER, LOGNAME, SHELL, TMPDIR, SET, cwd: process.cwd(), reached };
        const socket = net.connect(${JSON.stringify(paths.at(-1) ?? "/none")});
        const done = connected => { fs.writeFileSync("who.tmp", JSON.stringify({ ...who, connected })); fs.renameSync("who.tmp", ${JSON.stringify(`${name}.json`)}); };
        socket.on("connect", () => done(true)).on("error", () => done(false));`,
      on: "legacy(message)",
    },
    { user, cwd, env: { SET: "by the table" } },
  );

async function toldBy(name: string, folder: string): Promise<Json> {
  let text = "";
  const found = await poll(() => {
    try {
      text = readFileSync(join(folder, `${name}.json`), "utf8");
      return true;
    } catch {
      return false;
    }
  });
  expect(found).toBe(true);
  return JSON.parse(text) as Json;
}

const passwd = (name: string): string[] =>
  readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find(line => line.startsWith(`${name}:`))
    ?.split(":") ?? [];

describe.runIf(canSwitch)("T-46 a child with `user`", () => {
  const [, , uid = "", gid = "", , home = "", shell = ""] = passwd("nobody");

  test.each([
    ["nobody", Number(gid), { USER: "nobody", LOGNAME: "nobody", HOME: home, SHELL: shell }],
    [uid, Number(gid), { USER: "nobody", LOGNAME: "nobody", HOME: home, SHELL: shell }],
    ["nobody:daemon", 1, { USER: "nobody" }],
    ["12345:54321", 54321, {}],
  ])("%s is that user, with its group and no other, its home and none of our folders", async (user, group, more) => {
    const folder = open();
    const env = { TMPDIR: tmpdir() };
    keep(await startGateway({ toml: configToml([curious("one", user, folder)]), env }));
    const told = await toldBy("one", folder);
    expect(told).toMatchObject({ gid: group, groups: [group], SET: "by the table", cwd: folder, ...more });
    expect(told.uid).toBe(user.startsWith("12345") ? 12345 : Number(uid));
    expect(told.HOME).not.toBe(process.env.HOME);
    expect(told.TMPDIR).toBeUndefined();
  });

  test("reads nothing of the gateway, and cannot reach its control socket", async () => {
    const folder = open();
    const gateway = keep(await startGateway({ toml: configToml([]) }));
    chmodSync(gateway.dir, 0o755);
    const run = join(gateway.dir, ".radium/run");
    const paths = [
      ...[gateway.configPath, run, join(run, "instance.json"), join(run, "seal.key"), join(run, "calls.log")],
      ...[join(run, "catalogs"), join(run, "children"), gateway.socket],
    ];
    writeFileSync(gateway.configPath, configToml([curious("one", "nobody", folder, paths)]));
    expect((await gateway.rad("mcp", "proxy", "reload")).code).toBe(0);
    expect(await toldBy("one", folder)).toMatchObject({ reached: [], connected: false });
    // It is the gateway's child as any other: it ends with it.
    await gateway.until();
    expect(await gateway.stop()).toBe(0);
  });

  test("that may not enter its folder is told from one whose command is missing", async () => {
    const { dir } = writeConfig("");
    keep({ dir, close: async () => rmSync(dir, { recursive: true, force: true }) });
    const gateway = keep(await startGateway({ toml: configToml([curious("one", "nobody", dir)]) }));
    const { upstreams } = await gateway.until();
    expect(upstreams[0]?.lastError).toBe(
      `user "nobody" may not enter the working directory ${dir}; give "cwd" a folder that it may enter, or let it in`,
    );
  });
});

test.runIf(canSwitch)("a user that does not exist is an error of the configuration, with its place", async () => {
  for (const [user, says] of [
    ["no-such-user", 'there is no user "no-such-user"'],
    ["nobody:no-such-group", 'there is no group "no-such-group"'],
    ["4000000001", 'there is no user "4000000001"'],
    ["-x", 'there is no user "-x"'],
    ["a:b:c", '"a:b:c" names no user'],
  ] as const) {
    const { dir, configPath } = writeConfig(configToml([curious("one", user, "/")]));
    const { code, stderr } = await rad(["mcp", "proxy", "validate"], { cwd: dir });
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining(says) });
    expect(stderr).toMatch(new RegExp(`error\\[RAD1222\\][\\s\\S]*${configPath}:\\d+:\\d+`));
    rmSync(dir, { recursive: true });
  }
});
