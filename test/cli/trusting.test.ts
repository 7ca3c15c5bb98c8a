// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written in the file.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
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
import type { Json } from "../fixtures/upstream/contract.ts";

const has = (program: string): boolean => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    console.log(`skipped: what needs "${program}", which is not here`);
    return false;
  }
};
const hasGit = has("git");
const hasTerminals = hasGit && has("script");

let home: string;
let origin: string;
let clone: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "radium-trust-")));
  [origin, clone] = [join(home, "origin"), join(home, "clone")];
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const env = (): Record<string, string> => ({ XDG_STATE_HOME: join(home, "state"), HOME: home, TMPDIR: home });
const rad = (line: string, { cwd = clone, ...more }: { cwd?: string; [name: string]: string | undefined } = {}) =>
  run(line.split(" "), { cwd, env: { ...env(), ...(more as Record<string, string>) } });
const git = (cwd: string, ...args: string[]): void => {
  const who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
  execFileSync("git", [...who, ...args], { cwd, stdio: "ignore", env: { ...process.env, ...env() } });
};
/** A program that leaves a mark when it runs. */
const marking = (name: string): Json => {
  const script = `require("fs").writeFileSync(${JSON.stringify(join(home, name))}, "ran")`;
  return { name, transport: "stdio", command: process.execPath, args: ["-e", script] };
};
const ran = (name: string): boolean => existsSync(join(home, name));
const fileIn = (folder: string): string => join(folder, ".radium/mcp-proxy.toml");

function write(path: string, ...names: string[]): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, configToml(names.map(marking), { port: 1 }), { mode: 0o600 });
}
function commit(folder: string, message = "a"): void {
  git(folder, "add", "-A");
  git(folder, "commit", "-m", message);
}
/** Somebody's repository with a configuration in it, and a fresh clone of it. */
function clones(...names: string[]): void {
  mkdirSync(origin);
  git(origin, "init", "-b", "main");
  write(fileIn(origin), ...names);
  commit(origin);
  git(home, "clone", origin, clone);
}
/** At a terminal, at which somebody types. */
function typed(line: string, answer: string): string {
  const command = `${process.execPath} ${GATEWAY} ${line}; echo "exit $?"`;
  return execFileSync("script", ["-qec", command, "/dev/null"], {
    ...{ cwd: clone, input: answer, encoding: "utf8" },
    env: { ...process.env, ...env() },
  });
}
const refused = (ended: Ran): void => {
  expect([ended.code, ended.stderr]).toEqual([10, expect.stringContaining("error[RAD2022]")]);
};

describe.skipIf(!hasGit)("a configuration that came with a repository", () => {
  test.each(["tools", "list", "prompts", "test", "call x", "proxy start", "proxy start --detach", "proxy restart"])(
    "starts nothing at `rad mcp %s` before somebody has said so, and shows what it would start",
    async line => {
      clones("evil");
      const ended = await rad(`mcp ${line}`);
      refused(ended);
      expect(ended.stderr).toContain(`evil: ${process.execPath} -e "require(`);
      expect(ended.stderr).toContain(`tracked by git in ${clone}`);
      expect(ended.stderr).toContain(`rad mcp proxy trust --config ${fileIn(clone)}`);
      expect(ran("evil")).toBe(false);
    },
  );

  test("ends `stdio`, which an editor starts, with a reason and without a word on standard output", async () => {
    clones("evil");
    const ended = await rad("mcp proxy stdio");
    refused(ended);
    expect([ended.stdout, ran("evil")]).toEqual(["", false]);
  });

  test("says it to scripts too, and is no matter to commands that start nothing", async () => {
    clones("evil");
    const { stdout } = await rad("mcp tools --json");
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "RAD2022", name: "notTrusted" }, exitCode: 10 });
    const valid = await rad("mcp proxy validate");
    expect([valid.code, valid.stderr]).toEqual([0, expect.stringContaining("rad mcp proxy trust")]);
    expect((await rad("mcp proxy status")).code).toBe(3);
    expect(ran("evil")).toBe(false);
  });

  test("is trusted by content: a comment asks nothing, another command asks again", async () => {
    clones("one");
    const trusted = await rad("mcp proxy trust");
    expect([trusted.code, trusted.stdout]).toEqual([0, expect.stringContaining(`one: ${process.execPath}`)]);
    expect([(await rad("mcp tools")).code, ran("one")]).toEqual([0, true]);
    writeFileSync(fileIn(clone), `# a remark\n${readFileSync(fileIn(clone), "utf8")}`);
    expect((await rad("mcp tools")).code).toBe(0);
    write(fileIn(clone), "one", "two");
    refused(await rad("mcp tools"));
    expect(ran("two")).toBe(false);
    write(fileIn(clone), "one");
    expect((await rad("mcp tools")).code).toBe(0);
  });

  test("is trusted without a terminal by RADIUM_TRUST=1, and by nothing like it", async () => {
    clones("one");
    refused(await rad("mcp tools", { RADIUM_TRUST: "0" }));
    expect([(await rad("mcp tools", { RADIUM_TRUST: "1" })).code, ran("one")]).toEqual([0, true]);
    refused(await rad("mcp tools"));
  });

  test("runs nothing that its repository configures while it is looked at", async () => {
    clones("evil");
    git(clone, "config", "core.fsmonitor", `touch ${join(home, "monitor")}`);
    refused(await rad("mcp tools"));
    expect(ran("monitor")).toBe(false);
  });

  test("is found out in a worktree, in a submodule, behind a link and below another repository", async () => {
    clones("evil");
    git(clone, "worktree", "add", join(home, "tree"), "-b", "other");
    refused(await rad("mcp tools", { cwd: join(home, "tree") }));
    const outer = join(home, "outer");
    mkdirSync(outer);
    git(outer, "init");
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", origin, "inner");
    refused(await rad("mcp tools", { cwd: join(outer, "inner") }));
    // The link came with the repository; what it leads to did not.
    const linked = join(home, "linked");
    write(join(home, "elsewhere/mcp-proxy.toml"), "evil");
    mkdirSync(linked);
    git(linked, "init");
    symlinkSync(join(home, "elsewhere"), join(linked, ".radium"));
    commit(linked);
    refused(await rad("mcp tools", { cwd: linked }));
    // An inner repository says nothing of what the outer one brought.
    git(clone, "init", join(clone, ".radium"));
    refused(await rad("mcp tools"));
    expect(ran("evil")).toBe(false);
  });

  test("is one that stands in a checkout of anything else, and in a package", async () => {
    for (const folder of [join(home, "hg"), join(home, "x/node_modules/evil")]) {
      write(fileIn(folder), "evil");
      mkdirSync(join(folder, ".hg"));
      refused(await rad("mcp tools", { cwd: folder }));
      rmSync(join(folder, ".hg"), { recursive: true });
    }
    expect((await rad("mcp tools", { cwd: join(home, "hg") })).code).toBe(0);
    rmSync(join(home, "evil"));
    refused(await rad("mcp tools", { cwd: join(home, "x/node_modules/evil") }));
    expect(ran("evil")).toBe(false);
  });

  test.skipIf(!hasTerminals)("is asked about at a terminal, once", () => {
    clones("one");
    expect(typed("mcp tools", "\n")).toMatch(/\[y\/N\][\s\S]*exit 10/);
    expect(ran("one")).toBe(false);
    expect(typed("mcp tools", "y\n")).toMatch(/\[y\/N\][\s\S]*exit 0/);
    expect(ran("one")).toBe(true);
    const again = typed("mcp tools", "\n");
    expect(again).toMatch(/exit 0/);
    expect(again).not.toContain("[y/N]");
  });

  test("hides nothing behind a variable: what it could not tell apart is shown as it is written", async () => {
    clones();
    const hidden = 'name = "${N:-a}"\ntransport = "${T:-stdio}"\ncommand = "${C:-sh}"\nargs = ["-c", "echo ${A:-b}"]';
    writeFileSync(fileIn(clone), `[[mcp.proxy.upstreams]]\n${hidden}\n`);
    const ended = await rad("mcp tools");
    refused(ended);
    for (const shown of ["${N:-a}", "${T:-stdio}", "${C:-sh}", "echo ${A:-b}", "1 program"])
      expect(ended.stderr).toContain(shown);
  });

  test.skipIf(!hasTerminals)("cannot write over the question what it likes", () => {
    clones();
    const hostile = 'name = "a\\u001b[2J"\ntransport = "stdio"\ncommand = "sh"\nargs = ["-c", "x\\u202e\\u009b1A"]';
    writeFileSync(fileIn(clone), `[[mcp.proxy.upstreams]]\n${hostile}\nenv = { API_TOKEN = "canary", X = "shown" }\n`);
    const shown = typed("mcp tools", "n\n");
    expect(shown).toContain("\\u{1b}[2J");
    // Controls would be of use to whoever wrote the file, and so would be to hide an argument.
    for (const hidden of ["\u202e", "\u009b", "\u001b[2J", "canary"]) expect(shown).not.toContain(hidden);
    expect(shown).toContain("shown");
  });
});

describe.skipIf(!hasGit)("a configuration of one's own is asked about never", () => {
  test("when `init` has made it: neither edited, nor committed, nor edited again", async () => {
    mkdirSync(clone);
    git(clone, "init", "-b", "main");
    expect((await rad("mcp proxy init")).code).toBe(0);
    write(fileIn(clone), "one");
    commit(clone);
    expect([(await rad("mcp tools")).code, ran("one")]).toEqual([0, true]);
    write(fileIn(clone), "two");
    expect([(await rad("mcp tools")).code, ran("two")]).toEqual([0, true]);
    commit(clone);
    expect((await rad("mcp tools")).code).toBe(0);
  });

  test("but what others have committed since it was used is theirs", async () => {
    clones("one");
    await rad("mcp proxy init --force");
    write(fileIn(clone), "one");
    expect((await rad("mcp tools")).code).toBe(0);
    git(clone, "checkout", ".");
    write(fileIn(origin), "evil");
    commit(origin);
    git(clone, "pull");
    refused(await rad("mcp tools"));
    // Nor does an edit of one's own make it one's own.
    write(fileIn(clone), "evil", "mine");
    refused(await rad("mcp tools"));
    expect(ran("evil")).toBe(false);
  });

  test("but a clone that takes its place is not what `init` has made", async () => {
    mkdirSync(clone);
    expect((await rad("mcp proxy init")).code).toBe(0);
    rmSync(clone, { recursive: true });
    clones("evil");
    refused(await rad("mcp tools"));
    expect(ran("evil")).toBe(false);
  });

  test("when it is in no repository, and when the one around it does not track it", async () => {
    write(fileIn(clone), "one");
    expect((await rad("mcp tools")).code).toBe(0);
    git(clone, "init");
    expect((await rad("mcp tools")).code).toBe(0);
    writeFileSync(join(clone, "tracked"), "");
    git(clone, "add", "tracked");
    expect((await rad("mcp tools")).code).toBe(0);
    // It was used before it was committed.
    commit(clone);
    expect((await rad("mcp tools")).code).toBe(0);
  });
});
