import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { checkOwners, foreignOnTheWay, insecurities, isPrivateGroup, isReachable, linksTo, stepsTo } from "./owners.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("skipped: files of other users, which only root can make");
const STRANGER = 54_321;

let home: string;
let file: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "owners-")));
  chmodSync(home, 0o755);
  file = write("project/.radium/mcp-proxy.toml");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(path: string): string {
  const whole = join(home, path);
  mkdirSync(dirname(whole), { recursive: true, mode: 0o755 });
  writeFileSync(whole, "", { mode: 0o600 });
  return whole;
}
const check = (path = file) => checkOwners(path, statSync(path));
const codes = (path = file): string[] => check(path).map(({ code }) => code);

describe("the way to a file", () => {
  it("leads over every folder, also behind links, and says which links it took", () => {
    symlinkSync("../project/.radium", write("a/b").replace(/b$/, "link"));
    symlinkSync(join(home, "a"), join(home, "absolute"));
    const path = join(home, "absolute/link/mcp-proxy.toml");
    const below = stepsTo(path).filter(step => step.path.startsWith(`${home}/`));
    expect(below.map(step => `${step.kind} ${step.path.slice(home.length)}`)).toEqual([
      ...["link /absolute", "folder /a", "link /a/link", "folder /project", "folder /project/.radium"],
      "end /project/.radium/mcp-proxy.toml",
    ]);
    expect(linksTo(path)).toEqual([join(home, "absolute"), join(home, "a/link")]);
    expect(linksTo(join(home, "none"))).toEqual([]);
    expect(stepsTo(path)[0]).toMatchObject({ path: "/", kind: "folder" });
  });

  it("ends where links go round", () => {
    symlinkSync("round", join(home, "round"));
    expect(() => stepsTo(join(home, "round"))).toThrow("too many symbolic links");
  });
});

describe("who else can change a file", () => {
  it("is nobody where all of it is ours or root's", () => {
    expect([codes(), insecurities(file), foreignOnTheWay(dirname(file))]).toEqual([[], [], []]);
  });

  it.each(["project", "project/.radium"])("is everybody who may write to %s", folder => {
    chmodSync(join(home, folder), 0o707);
    const [finding, ...others] = check();
    expect([finding?.code, others]).toEqual(["RAD1009", []]);
    expect(finding?.message).toContain(join(home, folder));
    expect(finding?.help).toContain(`chmod o-w ${join(home, folder)}`);
    expect(insecurities(file)).toEqual([finding?.message]);
  });

  it("is everybody who may write to the file, whatever its folders are", () => {
    chmodSync(file, 0o602);
    expect(insecurities(file)).toEqual([expect.stringContaining(file)]);
    // That is said of the text, with its line.
    expect(codes()).toEqual([]);
    expect(insecurities(join(home, "none"))).toEqual([]);
  });

  it("is nobody in a sticky folder, but for `.radium`, in which more lies than the file", () => {
    chmodSync(join(home, "project"), 0o1777);
    expect(codes()).toEqual([]);
    chmodSync(join(home, "project/.radium"), 0o1777);
    expect(codes()).toEqual(["RAD1009"]);
  });

  it("is not the file that lies there, but the one that was opened", () => {
    const opened = statSync(file);
    rmSync(file);
    const kept = write("project/.radium/keeps-the-number");
    write("project/.radium/mcp-proxy.toml");
    expect(checkOwners(file, opened).map(({ code }) => code)).toEqual(
      statSync(file).ino === opened.ino ? [] : ["RAD1003"],
    );
    expect(checkOwners(file, statSync(kept)).map(({ code }) => code)).toEqual(["RAD1003"]);
  });

  it("is no matter for what a shell hands over, which lies in no folder", () => {
    const pipe = Object.assign(statSync("/dev/null"), { uid: STRANGER });
    expect(checkOwners("/dev/fd/63", pipe)).toEqual([]);
    expect(() => checkOwners("/devil/fd/63", pipe)).toThrow("ENOENT");
  });

  it.skipIf(!isRoot)("is whoever owns the file, a folder, or a link on the way", () => {
    for (const path of ["project", "project/.radium", "project/.radium/mcp-proxy.toml"]) {
      chownSync(join(home, path), STRANGER, 0);
      const what = path.endsWith("toml") ? "file" : "folder";
      expect(check()).toMatchObject([
        {
          ...{ code: "RAD1008", message: expect.stringContaining(`the ${what} ${home}/${path} `) },
          help: expect.stringContaining(`chown 0 ${home}/${path};`),
        },
      ]);
      expect(foreignOnTheWay(dirname(file))).toHaveLength(what === "file" ? 0 : 1);
      chownSync(join(home, path), 0, 0);
    }
    symlinkSync("project", join(home, "link"));
    lchownSync(join(home, "link"), STRANGER, 0);
    const through = join(home, "link/.radium/mcp-proxy.toml");
    expect(check(through)).toMatchObject([{ code: "RAD1008", message: expect.stringContaining("the link") }]);
    expect(insecurities(through)).toHaveLength(1);
    expect(foreignOnTheWay(join(home, "none"))).toEqual([]);
  });

  it.skipIf(!isRoot)("is, with a warning, a group that is not the user's own", () => {
    chownSync(join(home, "project"), 0, STRANGER);
    chmodSync(join(home, "project"), 0o775);
    expect(check()).toMatchObject([{ code: "RAD1010", message: expect.stringContaining(String(STRANGER)) }]);
    expect(insecurities(file)).toEqual([]);
    chownSync(join(home, "project"), 0, 0);
    expect(codes()).toEqual(process.platform === "linux" ? [] : ["RAD1010"]);
    expect(isPrivateGroup(STRANGER)).toBe(false);
  });

  it("is perhaps the group of a user who has no name, as in containers", () => {
    const nameless = (): never => {
      throw new Error("uv_os_get_passwd returned ENOENT");
    };
    const group = vi.spyOn(process as Required<typeof process>, "getegid").mockReturnValue(STRANGER);
    onTestFinished(() => group.mockRestore());
    expect(isPrivateGroup(STRANGER, nameless)).toBe(false);
  });
});

it("can be read by others only where they can come to it", () => {
  expect(isReachable(file)).toBe(true);
  chmodSync(join(home, "project"), 0o700);
  expect(isReachable(file)).toBe(false);
  expect(isReachable(join(home, "none"))).toBe(true);
});
