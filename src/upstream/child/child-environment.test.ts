import { describe, expect, test } from "vitest";
import { platformOf } from "../../lib/platform.ts";
import type { Account } from "../../lib/users.ts";
import { childEnvironment, missedVariables, withheldVariables } from "./child-environment.ts";

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

  test("holds no shell function of ours unless it is named", () => {
    const shell = "() { :; }; echo";
    expect(environmentOf(["SHELL"], {})).toMatchObject({ SHELL: shell });
    expect(environmentOf(["SHELL"], { SHELL: "/bin/sh" })).toMatchObject({ SHELL: "/bin/sh" });
    const late = childEnvironment({ base: { SHELL: ` ${shell}` }, inherit: [], env: {} }, platformOf("linux"));
    expect(late).toEqual({ SHELL: ` ${shell}` });
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

describe("variables for the network that a child was not given", () => {
  const all = (names: readonly string[]) => Object.fromEntries(names.map(name => [name, "x"]));
  const withheld = (names: readonly string[], given = {}, said = "") => withheldVariables(all(names), given, said);

  test.each([
    ...["http_proxy", "HTTPS_PROXY", "all_proxy", "No_Proxy", "FTP_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"],
    ...["NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "DENO_CERT"],
    ...["GIT_SSL_CAINFO", "CARGO_HTTP_PROXY", "CARGO_REGISTRIES_X_INDEX", "GOPROXY", "DOCKER_HOST", "DOCKER_CERT_PATH"],
    ...["UV_INDEX_URL", "BUN_CONFIG_REGISTRY", "PIP_INDEX_URL", "PIP_CERT", "PIP_TRUSTED_HOST"],
    ...[
      "npm_config_registry",
      "NPM_CONFIG_CAFILE",
      "npm_config_https_proxy",
      "npm_config_http-proxy",
      "npm_config_proxy",
    ],
    ...["npm_config_@scope:registry", "npm_config_strict_ssl", "npm_config_strict-ssl"],
  ])("are named: %s", name => {
    expect(withheld([name])).toEqual([name]);
    expect(withheld([name], { [name]: "y" })).toEqual([]);
    expect(withheld([name], {}, `it lacks "${name}"`)).toEqual([]);
    expect(withheldVariables({ [name]: "" }, {}, "")).toEqual([]);
  });

  test.each([
    ...["http_proxy_x", "my_http_proxy", "xGOPROXY", "GOPROXY_X", "MY_UV_X", "X_CARGO_HTTP_Y", "SSL_CERT_FILES"],
    ...[
      "MY_SSL_CERT_FILE",
      "GIT_SSL_CAINFO_X",
      "X_GIT_SSL_CAINFO",
      "DOCKER_PASSWORD",
      "X_DOCKER_HOST",
      "DOCKER_HOST_X",
    ],
    ...["PIP_PASSWORD", "X_PIP_CERT", "PIP_CERT_X", "npm_config_token", "npm_config_registry_x", "x_npm_config_ca"],
    ...["CARGO_HOME", "X_BUN_CONFIG_Y", "X_CARGO_REGISTRIES_Y", "GITHUB_TOKEN", "proxy", "https_proxy2"],
  ])("are not: %s", name => {
    expect(withheld([name])).toEqual([]);
  });

  test("are sorted, and no more than can be read", () => {
    const names = Array.from({ length: 30 }, (_, at) => `UV_${String(29 - at).padStart(2, "0")}`);
    expect(withheld(names)).toEqual(names.toReversed().slice(0, 16));
  });

  test("are not taken for named where a longer name is", () => {
    expect(withheld(["UV_X"], {}, 'it lacks "UV_XY"')).toEqual(["UV_X"]);
  });
});

test("a variable that is missed is a whole name of three letters or more, and five are enough", () => {
  const names = ["AB", "ABC", "A_1", "B_2", "C_3", "D_4", "E_5"];
  const all = Object.fromEntries(names.map(name => [name, "x"]));
  expect(missedVariables(["AB is missing", "and so is ABCD", "1ABC"], all, {})).toEqual(["ABC"]);
  expect(missedVariables([names.join(" "), names.join(",")], all, {})).toEqual(["ABC", "A_1", "B_2", "C_3", "D_4"]);
  expect(missedVariables(["", "..."], all, {})).toEqual([]);
});
