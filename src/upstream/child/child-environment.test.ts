import { describe, expect, test } from "vitest";
import { platformOf } from "../../lib/platform.ts";
import type { Account } from "../../lib/users.ts";
import { childEnvironment, missedVariables } from "./child-environment.ts";

const base = {
  ...{ PATH: "/bin", HOME: "/home/me", LANG: "C.UTF-8", NODE_OPTIONS: "--inspect", LD_PRELOAD: "x.so" },
  ...{ npm_config_token: "n", GITHUB_TOKEN: "g", SHELL: "() { :; }; echo", AWS_SECRET_ACCESS_KEY: "a" },
};
const environmentOf = (inherit: string[], env: Record<string, string>): Record<string, string> =>
  childEnvironment({ base, inherit, env }, platformOf("linux"));

describe("a child's environment", () => {
  test("holds nothing of ours but the allow-list", () => {
    expect(environmentOf([], {})).toEqual({ PATH: "/bin", HOME: "/home/me", LANG: "C.UTF-8" });
  });

  test("holds what the configuration names and sets", () => {
    const given = environmentOf(["GITHUB_TOKEN", "UNSET"], { HOME: "/srv", MODE: "test" });
    expect(given).toEqual({ PATH: "/bin", HOME: "/srv", LANG: "C.UTF-8", GITHUB_TOKEN: "g", MODE: "test" });
  });
});

describe("the environment of another user's child", () => {
  const given = (account: Account, env = {}, inherit: string[] = []) =>
    childEnvironment({ base: { ...base, TMPDIR: "/mine", USER: "root" }, inherit, env, account }, platformOf("linux"));

  test("names that user and its home, and not our folder for temporary files", () => {
    const account = { uid: 1, gid: 1, name: "svc", home: "/srv/svc", shell: "/bin/sh" };
    const own = { USER: "svc", LOGNAME: "svc", HOME: "/srv/svc", SHELL: "/bin/sh" };
    expect(given(account)).toEqual({ PATH: "/bin", LANG: "C.UTF-8", ...own });
    expect(given(account, { HOME: "/data" }, ["TMPDIR"])).toMatchObject({ HOME: "/data", TMPDIR: "/mine" });
  });

  test("names nobody for a number that is nobody's", () => {
    const account = { uid: 1, gid: 1, name: undefined, home: undefined, shell: undefined };
    expect(given(account)).toEqual({ PATH: "/bin", LANG: "C.UTF-8", HOME: "/" });
  });
});

describe("a variable that a child seems to miss", () => {
  test("is one that it speaks of, that we have and that it was not given", () => {
    const lines = ["Error: please set GITHUB_TOKEN or GITLAB_TOKEN; PATH is fine"];
    expect(missedVariables(lines, base, { PATH: "/bin" })).toEqual(["GITHUB_TOKEN"]);
    expect(missedVariables(lines, base, { GITHUB_TOKEN: "g", PATH: "/bin" })).toEqual([]);
  });
});
