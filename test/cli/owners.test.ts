import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, type Ran, rad as run } from "../fixtures/gateway.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("skipped: files of other users, which only root can make");
const noMounts = (() => {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" });
    return false;
  } catch {
    console.log("skipped: a folder that is mounted read-only, which nobody may do here");
    return true;
  }
})();
/** Not ours, whoever that is. */
const STRANGER = 54_321;

let home: string;
let project: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "radium-owners-")));
  chmodSync(home, 0o755);
  project = join(home, "shared/project");
  write(join(project, ".radium/mcp-proxy.toml"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const script = `require("fs").writeFileSync(${JSON.stringify(join(home, "mark"))}, "ran")`;
  const upstream = { name: "evil", transport: "stdio", command: process.execPath, args: ["-e", script] };
  writeFileSync(path, configToml([upstream], { port: 1 }), { mode: 0o600 });
}
const rad = (line: string, cwd = project, env: Record<string, string> = {}): Promise<Ran> =>
  run(line.split(" "), { cwd, env: { XDG_STATE_HOME: join(home, "state"), HOME: home, TMPDIR: home, ...env } });
const ran = (): boolean => existsSync(join(home, "mark"));
/** Nothing ran, and the code says why. */
const refused = (ended: Ran, code: string): void => {
  expect([ended.code, ended.stderr, ran()]).toEqual([5, expect.stringContaining(`error[${code}]`), false]);
};
const taken = (ended: Ran): void => {
  expect([ended.code, ended.stderr, ran()]).toEqual([0, expect.not.stringContaining("RAD10"), true]);
};

describe("T-45 a configuration that others can change", () => {
  test.each([
    ["`.radium`", () => join(project, ".radium")],
    ["the project", () => project],
    ["a folder above it", () => join(home, "shared")],
  ])("is refused when everybody may write to %s", async (_, folder) => {
    chmodSync(folder(), 0o777);
    for (const line of ["mcp tools", "mcp proxy start", "mcp proxy stdio"]) refused(await rad(line), "RAD1009");
    expect((await rad("mcp proxy validate")).code).toBe(5);
    expect((await rad("mcp tools")).stderr).toContain(`chmod o-w ${folder()}`);
    chmodSync(folder(), 0o755);
    taken(await rad("mcp tools"));
  });

  test("may lie below a folder in which nobody can replace what is not his, but not in such a `.radium`", async () => {
    chmodSync(join(home, "shared"), 0o1777);
    taken(await rad("mcp tools"));
    rmSync(join(home, "mark"));
    chmodSync(join(project, ".radium"), 0o1777);
    refused(await rad("mcp tools"), "RAD1009");
  });

  test.skipIf(!isRoot)(
    "is taken with a warning when a group may write there, and without one when the group is the user's own",
    async () => {
      chmodSync(project, 0o775);
      taken(await rad("mcp tools"));
      chownSync(project, 0, STRANGER);
      const { code, stderr } = await rad("mcp proxy validate");
      expect([code, stderr]).toEqual([0, expect.stringContaining("warning[RAD1010]")]);
    },
  );

  test.skipIf(noMounts)("is as good as any where nobody can write at all, as orchestrators mount it", async () => {
    const folder = join(project, ".radium");
    chmodSync(folder, 0o777);
    const mount = `mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder}`;
    const validate = `${process.execPath} ${GATEWAY} mcp proxy validate`;
    const said = execFileSync("unshare", ["--mount", "sh", "-c", `${mount} && cd ${project} && ${validate}`]);
    expect(said.toString()).toContain("The configuration is valid");
    refused(await rad("mcp tools"), "RAD1009");
  });

  test("is used all the same where somebody has said so", async () => {
    chmodSync(project, 0o777);
    const allowed = await rad("mcp proxy validate --allow-insecure-config");
    expect([allowed.code, allowed.stderr]).toEqual([0, expect.stringContaining("warning[RAD1011]")]);
    refused(await rad("mcp tools", project, { RADIUM_ALLOW_INSECURE_CONFIG: "yes" }), "RAD1009");
    const { code } = await rad("mcp tools", project, { RADIUM_ALLOW_INSECURE_CONFIG: "1" });
    expect([code, ran()]).toEqual([0, true]);
  });
});

describe.skipIf(!isRoot)("T-45 a configuration of somebody else", () => {
  const FILE = ".radium/mcp-proxy.toml";
  test.each([
    ["the file", FILE],
    ["its folder", ".radium"],
    ["a folder above it", "."],
  ])("is refused three folders below, when %s is his", async (_, what) => {
    chownSync(join(project, what), STRANGER, STRANGER);
    const below = join(project, "a/b/c");
    mkdirSync(below, { recursive: true });
    for (const line of ["mcp tools", "mcp call x", "mcp proxy start"]) refused(await rad(line, below), "RAD1008");
    refused(await rad(`mcp tools --config ${join(project, FILE)}`, home), "RAD1008");
    const validated = await rad("mcp proxy validate --json", below);
    expect(JSON.parse(validated.stdout)).toMatchObject({ ok: false, problems: [{ code: "RAD1008" }] });
  });

  test("is refused behind a link, whether the link is his or what it leads to", async () => {
    const [mine, his] = [join(home, "mine"), join(home, "his")];
    mkdirSync(mine);
    symlinkSync(join(project, ".radium"), join(mine, ".radium"));
    taken(await rad("mcp tools", mine));
    rmSync(join(home, "mark"));
    lchownSync(join(mine, ".radium"), STRANGER, STRANGER);
    refused(await rad("mcp tools", mine), "RAD1008");
    lchownSync(join(mine, ".radium"), 0, 0);
    mkdirSync(his);
    chownSync(his, STRANGER, STRANGER);
    write(join(his, "mcp-proxy.toml"));
    rmSync(join(mine, ".radium"));
    mkdirSync(join(mine, ".radium"));
    symlinkSync(join(his, "mcp-proxy.toml"), join(mine, FILE));
    refused(await rad("mcp tools", mine), "RAD1008");
  });

  test("is not asked what runs: his run file could name any socket", async () => {
    mkdirSync(join(project, ".radium/run"), { mode: 0o700 });
    writeFileSync(join(project, ".radium/run/instance.json"), JSON.stringify({ pid: process.pid, socket: "/his" }));
    rmSync(join(project, FILE));
    chownSync(join(project, ".radium"), STRANGER, STRANGER);
    for (const line of ["mcp proxy stop", "mcp proxy status", "mcp call x", "mcp proxy logs"])
      refused(await rad(line), "RAD1008");
  });
});

describe("T-60 a secret in a file that others may read", () => {
  const withSecret = () => {
    const headers = { "X-Api-Key": "canary" };
    const toml = configToml([{ name: "a", transport: "http", url: "http://127.0.0.1:1/mcp", headers }]);
    writeFileSync(join(project, ".radium/mcp-proxy.toml"), toml);
    chmodSync(join(project, ".radium/mcp-proxy.toml"), 0o644);
  };
  test("is warned of without showing it, and not where others cannot come to the file", async () => {
    withSecret();
    const open = await rad("mcp proxy validate");
    expect(open.stderr).toContain("warning[RAD1006]");
    expect(open.stderr).not.toContain("canary");
    chmodSync(join(project, ".radium"), 0o700);
    expect((await rad("mcp proxy validate")).stderr).not.toContain("RAD1006");
  });
});
