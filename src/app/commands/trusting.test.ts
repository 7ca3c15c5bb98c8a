import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Stage, stage } from "../../../test/cli/fake-gateway.ts";
import { repositoryTracking } from "../../lib/git-index.fixture.ts";
import { CommandFailed } from "../errors.ts";
import { readTrusted, rememberMade, requireTrust, trustIn } from "./trusting.ts";

let home: string;
let path: string;
let on: Stage;
const [FIRST, SECOND] = ["ab".repeat(20), "cd".repeat(20)];

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "trusting-")));
  path = join(home, ".radium/mcp-proxy.toml");
  mkdirSync(join(home, ".radium"));
  writeFileSync(path, "");
  on = stage({ cwd: home, env: { HOME: home, TMPDIR: home } });
});
afterEach(() => rmSync(home, { recursive: true }));

const tracked = (hash = FIRST): void => repositoryTracking(join(home, ".git"), ".radium/mcp-proxy.toml", hash);
const writing = (command: string, more = {}) => ({ upstreams: [{ name: "a", transport: "stdio", command }], ...more });
const isTrusted = (written: unknown, env = {}): boolean =>
  trustIn({ path, written }, { env: { ...on.context.env, ...env } }).isTrusted;
const use = (written: unknown): Promise<void> => requireTrust({ path, written }, on.context);
async function refusal(written: unknown, answer?: boolean): Promise<unknown> {
  const confirm = answer === undefined ? undefined : async () => answer;
  const refused = await requireTrust({ path, written }, { ...on.context, confirm }).catch((error: unknown) => error);
  return refused instanceof CommandFailed ? refused.ending.exit : refused;
}

describe("a configuration", () => {
  it("of one's own is trusted whatever it says, and remembered only in a checkout", async () => {
    expect([isTrusted(writing("x")), isTrusted(writing("y"))]).toEqual([true, true]);
    await use(writing("x"));
    tracked();
    expect(isTrusted(writing("x"))).toBe(false);
    repositoryTracking(join(home, ".git"), "other", FIRST);
    await use(writing("x"));
    tracked();
    expect([isTrusted(writing("x")), isTrusted(writing("y"))]).toEqual([true, false]);
  });

  it("that came with a repository ends the command, and says what it would do and what to do", async () => {
    tracked();
    expect(await refusal(writing("evil"))).toBe(10);
    expect(on.err()).toContain("evil");
    expect(on.err()).toContain(`tracked by git in ${home}`);
    expect(await refusal(writing("evil"), false)).toBe(10);
    expect(isTrusted(writing("evil"))).toBe(false);
  });

  it("is trusted once a person has said yes: that content at that place, in any order of its keys", async () => {
    tracked();
    expect(await refusal(writing("x", { port: 1 }), true)).toBeUndefined();
    expect(isTrusted({ port: 1, ...writing("x") })).toBe(true);
    expect([isTrusted(writing("x", { port: 2 })), isTrusted(writing("y", { port: 1 }))]).toEqual([false, false]);
    // An earlier content stays trusted.
    trustIn({ path, written: writing("y") }, on.context).trust();
    expect([isTrusted(writing("y")), isTrusted(writing("x", { port: 1 }))]).toEqual([true, true]);
    expect(trustIn({ path: join(home, ".radium/other.toml"), written: writing("y") }, on.context).origin.kind).toBe(
      "own",
    );
  });

  it("says whether it is new here or has changed since it was used, such as by a pull", async () => {
    tracked();
    await refusal(writing("x"), true);
    expect(on.err()).toContain("was not used here before");
    await refusal(writing("y"));
    expect(on.err()).toContain("has changed since it was used here");
  });

  it("that starts nothing is no matter, and is not remembered", async () => {
    tracked();
    for (const written of [undefined, {}, { port: 1 }, { upstreams: [] }])
      expect(await refusal(written)).toBeUndefined();
    expect(trustIn({ path, written: {} }, on.context).isKnown).toBe(false);
    expect(on.err()).toBe("");
  });

  it("is trusted by the environment for this one time", async () => {
    tracked();
    expect([isTrusted(writing("x"), { RADIUM_TRUST: "1" }), isTrusted(writing("x"), { RADIUM_TRUST: "true" })]).toEqual(
      [true, false],
    );
    const env = { ...on.context.env, RADIUM_TRUST: "1" };
    await requireTrust({ path, written: writing("x") }, { ...on.context, env });
    expect(isTrusted(writing("x"))).toBe(false);
  });
});

it("is read from its file, and is refused or handed over with what it says", async () => {
  tracked();
  const starts = 'transport = "stdio"\ncommand = "x"';
  writeFileSync(path, `[[mcp.proxy.upstreams]]\nname = "a"\n${starts}\n`, { mode: 0o600 });
  const refused = await readTrusted(path, {}, on.context).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CommandFailed);
  expect((refused as CommandFailed).ending.json).toMatchObject({
    exitCode: 10,
    error: {
      ...{ code: "RAD2022", where: `${path}: 1 program started ("x"), 0 places reached` },
      help: [
        expect.stringContaining(`rad mcp proxy trust --config ${path}`),
        expect.stringContaining("RADIUM_TRUST=1"),
      ],
    },
  });
  trustIn({ path, written: writing("x") }, on.context).trust();
  expect(await readTrusted(path, {}, on.context)).toMatchObject({ config: { upstreams: [{ name: "a" }] } });
});

describe("a configuration that `init` has made", () => {
  it("is its user's with every edit, also once it is committed", async () => {
    rememberMade(path, on.context);
    tracked();
    expect(isTrusted(writing("x"))).toBe(true);
    await use(writing("x"));
    expect(isTrusted(writing("y"))).toBe(true);
  });

  it("is not what another commit has made of it after it was used", async () => {
    rememberMade(path, on.context);
    await use(writing("x"));
    tracked();
    await use(writing("x"));
    tracked(SECOND);
    expect([isTrusted(writing("x")), isTrusted(writing("y"))]).toEqual([true, false]);
    trustIn({ path, written: writing("y") }, on.context).trust();
    expect(isTrusted(writing("z"))).toBe(true);
  });

  it("is not what lies in another folder that took its place", () => {
    rememberMade(path, on.context);
    rmSync(join(home, ".radium"), { recursive: true });
    // So that the number of the folder is not free.
    mkdirSync(join(home, "other"));
    mkdirSync(join(home, ".radium"));
    tracked();
    expect(isTrusted(writing("x"))).toBe(false);
  });
});

it("is said where it cannot be remembered, and goes on for this one time", async () => {
  tracked();
  writeFileSync(join(home, ".local"), "");
  expect(await refusal(writing("x"), true)).toBeUndefined();
  expect(on.err()).toContain("It cannot be remembered");
  expect(() => rememberMade(path, on.context)).not.toThrow();
  expect(() => trustIn({ path, written: writing("x") }, on.context).trust()).toThrow();
});

it("believes nothing that others could have written down", () => {
  tracked();
  trustIn({ path, written: writing("x") }, on.context).trust();
  expect(isTrusted(writing("x"))).toBe(true);
  const state = join(home, ".local/state/radium-mcp-proxy/trusted");
  rmSync(state, { recursive: true });
  writeFileSync(state, "");
  expect(isTrusted(writing("x"))).toBe(false);
  chmodSync(state, 0o600);
});
