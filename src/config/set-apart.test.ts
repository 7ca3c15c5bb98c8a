// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written in the file.
import { describe, expect, it } from "vitest";
import { parseConfig } from "./parse.ts";
import type { Config } from "./schema.ts";
import { differsOnlyLive, setApart } from "./set-apart.ts";

function load(text: string, env: Record<string, string> = {}): Config {
  const result = parseConfig({ text, path: "f", env });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}
const child = (more = "", name = "child"): string =>
  `[[mcp.proxy.upstreams]]\nname = "${name}"\ntransport = "stdio"\ncommand = "x"\n${more}\n`;
const remote = (more = "", name = "far"): string =>
  `[[mcp.proxy.upstreams]]\nname = "${name}"\ntransport = "http"\n${/^url/m.test(more) ? "" : 'url = "http://a/mcp"\n'}${more}\n`;
const proxy = (more: string): string => `[mcp.proxy]\n${more}\n`;
const security = (more: string): string => `[mcp.proxy.security]\n${more}\n`;
const OTHER = "security.other_requests_per_minute";
const other = (limit: number): string => security(`other_requests_per_minute = ${limit}`);

/** Whether the change is applied as it is, or waits as it is. */
function verdict(before: string, after: string, env?: Record<string, string>): string {
  const [running, wanted] = [load(before), load(after, env)];
  const { safe, waiting } = setApart(running, wanted);
  if (waiting.length === 0) {
    expect(safe).toEqual(wanted);
    return "applies";
  }
  expect(safe).toEqual(running);
  return `waits: ${waiting.map(({ key }) => key).join(", ")}`;
}

describe("a change of the file", () => {
  it.each([
    ["a lower limit", security(""), security("rate_limit_per_minute = 5")],
    ["a limit where there was none", security("rate_limit_per_minute = 0"), security("rate_limit_per_minute = 900")],
    ["a lower limit of what is no call", other(9), other(8)],
    ["a limit of what is no call where there was none", other(0), other(8)],
    ["another redact pattern", security(""), security('redact_patterns = ["api[_-]?key", "password", "token", "x"]')],
    ["a log that blocks", security(""), security('log_on_failure = "block"')],
    ["another balance", proxy(""), proxy('load_balancing = "least_pending"')],
    ["fewer tools", remote(), remote('tools = ["a"]')],
    ["fewer tools of a child", child('tools = ["a", "b"]'), child('tools = ["b"]')],
    ["less trust", child("trust_annotations = true"), child("")],
    ["fewer tools that may run twice", child('safe_to_retry = ["a"]'), child("")],
    ["a shorter time", child("timeout = 9"), child("timeout = 8")],
    ["a time where there was none", child(), child("max_timeout = 8")],
    ["a smaller answer", remote(), remote("max_result_bytes = 5")],
    ["what is not ours", proxy(""), `${proxy("")}\n[other]\nx = 1`],
  ])("applies: %s", (_, before, after) => {
    expect(verdict(before, after)).toBe("applies");
  });

  it.each([
    ["a higher limit", security(""), security("rate_limit_per_minute = 61"), "security.rate_limit_per_minute"],
    ["no limit", security(""), security("rate_limit_per_minute = 0"), "security.rate_limit_per_minute"],
    ["a higher limit of what is no call", other(8), other(9), OTHER],
    ["no limit of what is no call", other(8), other(0), OTHER],
    ["a limit of what is no call that follows from another key", other(8), security(""), OTHER],
    ["one that followed from another key, and may be higher", security(""), other(8), OTHER],
    ["a missing pattern", security(""), security('redact_patterns = ["x"]'), "security.redact_patterns"],
    ["another for one", security(""), security('redact_patterns = ["token", "x"]'), "security.redact_patterns"],
    ["no log of requests", security(""), security("log_requests = false"), "security.log_requests"],
    ["a log of bodies", security("log_responses = false"), security(""), "security.log_responses"],
    ["a longer log", security(""), security("log_max_bytes = 9999"), "security.log_max_bytes"],
    ["a log that loses", security('log_on_failure = "block"'), security(""), "security.log_on_failure"],
    ["another watch", proxy(""), proxy('watch = "all"'), "watch"],
    ["no watch", proxy(""), proxy('watch = "off"'), "watch"],
    ["another door", proxy(""), proxy('allowed_origins = ["http://a"]'), "allowed_origins"],
    ["another port", proxy(""), proxy("port = 1"), "port"],
    ["other names", proxy(""), proxy('naming = "never"'), "naming"],
    ["another conflict strategy", proxy(""), proxy('conflict_strategy = "reject"'), "conflict_strategy"],
    ["a new child", remote(), remote() + child(), "upstreams.child"],
    ["a new place", child(), child() + remote(), "upstreams.far"],
    ["a removed one", child() + remote(), child(), "upstreams.far"],
    ["another name", child(), child("", "other"), "upstreams.child, upstreams.other"],
    ["another order", child() + remote(), remote() + child(), "upstreams"],
    ["another command", child(), child().replace('"x"', '"y"'), "upstreams.child"],
    ["another argument", child(), child('args = ["x"]'), "upstreams.child"],
    ["another environment", child(), child('env = { NODE_OPTIONS = "--require x" }'), "upstreams.child"],
    ["more environment", child(), child('inherit_env = ["X"]'), "upstreams.child"],
    ["another folder", child(), child('cwd = "x"'), "upstreams.child"],
    ["another place", remote(), remote('url = "http://b/mcp"'), "upstreams.far"],
    ["another header", remote(), remote('headers = { Host = "b" }'), "upstreams.far"],
    ["another priority", remote(), remote("priority = 2"), "upstreams.far"],
    ["another group", remote(), remote('group = "g"'), "upstreams.far"],
    ["another isolation", child(), child('isolation = "shared"'), "upstreams.child"],
    ["more tools", child('tools = ["a"]'), child('tools = ["a", "b"]'), "upstreams.child"],
    ["all tools", child('tools = ["a"]'), child(), "upstreams.child"],
    ["more trust", child(), child("trust_annotations = true"), "upstreams.child"],
    ["a longer time", child("timeout = 8"), child("timeout = 9"), "upstreams.child"],
    ["no time", child("timeout = 8"), child(), "upstreams.child"],
    ["a new child for a limit", child(), child("max_concurrency = 1"), "upstreams.child"],
    ["a place with less of it", remote(), remote('url = "http://b/mcp"\ntools = ["a"]'), "upstreams.far"],
  ])("waits: %s", (_, before, after, key) => {
    expect(verdict(before, after)).toBe(`waits: ${key}`);
  });

  it.each(['conflict_strategy = "reject"', 'naming = "never"', ""])(
    "waits when it leaves out a tool whose name could fall to another upstream, with %j",
    how => {
      const fleet = (more: string) => proxy(how) + child(more) + remote();
      expect(verdict(fleet(""), fleet('tools = ["a"]'))).toBe("waits: upstreams.child");
      const alone = (more: string) => proxy(how) + child(more);
      expect(verdict(alone(""), alone('tools = ["a"]'))).toBe("applies");
    },
  );

  it("applies when it leaves out a tool whose name says whose it is", () => {
    const fleet = (more: string) => proxy('naming = "always"') + child(more) + remote();
    expect(verdict(fleet(""), fleet('tools = ["a"]'))).toBe("applies");
  });

  it("is one of what the variables stand for, too", () => {
    const text = child('command = "${PROGRAM:-x}"').replace('command = "x"\n', "");
    expect(verdict(text, text, { PROGRAM: "y" })).toBe("waits: upstreams.child");
    expect(verdict(child(), text)).toBe("applies");
  });

  it("is applied as far as it is safe, and the rest waits; of one upstream everything or nothing", () => {
    const running = load(security("") + child() + remote());
    const wanted = load(
      security("rate_limit_per_minute = 5\nlog_requests = false") +
        child('tools = ["a"]\nargs = ["--evil"]') +
        remote("timeout = 8") +
        child("", "new"),
    );
    const { safe, waiting } = setApart(running, wanted);
    expect(safe.security).toEqual({ ...running.security, rate_limit_per_minute: 5 });
    expect(safe.upstreams).toEqual([running.upstreams[0], wanted.upstreams[1]]);
    expect(waiting.map(({ key }) => key)).toEqual(["security.log_requests", "upstreams.child", "upstreams.new"]);
    // Applied again, what waits is the same.
    expect(setApart(safe, wanted)).toEqual({ safe, waiting });
    expect(setApart(running, wanted, true).safe).toEqual(running);
  });

  it("waits with its place, what it is, why, and the values that can be shown", () => {
    const before = load(proxy('port = 1\nallowed_hosts = ["a"]') + child("args = []") + remote());
    const after = load(
      proxy('port = 2\nallowed_hosts = ["b"]') +
        security('redact_patterns = ["x"]') +
        remote("priority = 2\nurl = 'http://u:p@b/x?y'") +
        child("max_concurrency = 2") +
        child("", "second") +
        remote("url = 'https://u:p@b:1/x?y'", "third"),
    );
    const hidden = { running: null, configured: null };
    expect(setApart(before, after).waiting).toEqual([
      { key: "port", change: "port changed", reason: "it decides who can connect", running: 1, configured: 2 },
      { key: "allowed_hosts", change: "allowed_hosts changed", reason: "it decides who can connect", ...hidden },
      {
        ...{ key: "security.redact_patterns", change: "security.redact_patterns changed", ...hidden },
        reason: "what it covered so far would be covered no more",
      },
      {
        ...{ key: "upstreams.child", change: 'changed upstream "child": max_concurrency', ...hidden },
        reason: "its program would be restarted",
      },
      {
        ...{ key: "upstreams.far", change: 'changed upstream "far": priority, url', ...hidden },
        reason: "it can move calls to another server",
      },
      {
        ...{ key: "upstreams.second", change: 'added upstream "second", which starts x', ...hidden },
        reason: "it starts a program",
      },
      {
        ...{ key: "upstreams.third", change: 'added upstream "third", which reaches https://b:1', ...hidden },
        reason: "it reaches a new place",
      },
      {
        ...{ key: "upstreams", change: "changed the order of the upstreams" },
        ...{ reason: "names can fall to another server", running: ["child", "far"], configured: ["far", "child"] },
      },
    ]);
  });

  it("waits as a whole where nothing is to be applied, also what would be safe", () => {
    const [before, after] = [load(remote()), load(security("rate_limit_per_minute = 5") + remote('tools = ["a"]'))];
    expect(setApart(before, after, true)).toMatchObject({
      safe: before,
      waiting: [
        { key: "security.rate_limit_per_minute", reason: 'watch = "off"', running: 60, configured: 5 },
        { key: "upstreams.far", reason: 'watch = "off"' },
      ],
    });
  });

  it("waits without the value of anything of an upstream", () => {
    const secret = remote('url = "http://user:canary@b/canary?k=canary"\nheaders = { A = "canary" }', "new");
    const { waiting } = setApart(load(remote()), load(remote('headers = { A = "canary" }') + secret));
    expect(waiting).toHaveLength(2);
    expect(JSON.stringify(waiting)).not.toContain("canary");
  });
});

describe("the verdicts", () => {
  it("let wait what they do not know", () => {
    const config = load(proxy(""));
    const other = { ...config, unheard_of: 1, security: { ...config.security, unheard_of: 1 } } as Config;
    const { safe, waiting } = setApart(config, other);
    expect([safe, waiting.map(({ key }) => key)]).toEqual([config, ["unheard_of", "security.unheard_of"]]);
  });

  it("say what needs no new conversation", () => {
    const [before, narrowed, moved] = [child(), child('tools = ["a"]'), child("priority = 3")].map(
      text => load(text).upstreams[0]!,
    );
    expect(differsOnlyLive(before!, narrowed!)).toBe(true);
    expect(differsOnlyLive(before!, moved!)).toBe(false);
    expect(differsOnlyLive(before!, { ...narrowed!, priority: 3 })).toBe(false);
  });
});
