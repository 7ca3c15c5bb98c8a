/** Ways in which a configuration file is broken that was good before. `good` ends with a table of an upstream. */
type Break = (good: string) => string | Buffer;

const more =
  (text: string): Break =>
  good =>
    `${good}\n${text}\n`;
const first =
  (text: string): Break =>
  good =>
    `${text}\n${good}`;
const proxy =
  (line: string): Break =>
  good =>
    good.replace("[mcp.proxy]\n", `[mcp.proxy]\n${line}\n`);
const upstream = (lines: string): Break => more(`[[mcp.proxy.upstreams]]\n${lines}`);
const security = (line: string): Break => more(`[mcp.proxy.security]\n${line}`);
const HTTP = 'name = "more"\ntransport = "http"\nurl = "http://127.0.0.1:1/mcp"';
const STDIO = 'name = "more"\ntransport = "stdio"\ncommand = "true"';

/** What the complaint can point at a line and a column of. */
export const PLACED: Readonly<Record<string, Break>> = {
  "half a string": more('name = "fixt'),
  "half a table head": more("[[mcp.proxy.upstr"),
  "half an array": more("tools = ["),
  "half a key": more("prior"),
  "no value": more("priority ="),
  "two values": more("priority = 1 2"),
  "no quotes": more("group = pair"),
  "one quote": more("group = 'pair"),
  "a bad escape": more('group = "\\q"'),
  "a bad number": more("priority = 1_"),
  "a bad date": more("priority = 2026-13-45"),
  "a key twice": more("priority = 1\npriority = 2"),
  "a table twice": more("[mcp.proxy]"),
  "a table and an array of tables": more("[mcp.proxy.upstreams]"),
  "a control character": more('group = "\u0001"'),
  "a conflict of a merge": more("<<<<<<< HEAD"),
  "another format": first('{"mcp": {}}'),
  "an inline table over lines": more('env = { A = "1",\n'),
  "an unknown key": proxy("prot = 3000"),
  "an unknown key of security": security("log_request = true"),
  "an unknown key of an upstream": upstream(`${HTTP}\ntimeuot = 3`),
  "a key in the wrong table": upstream(`${HTTP}\nrate_limit_per_minute = 3`),
  "an unknown transport": upstream('name = "more"\ntransport = "https"\nurl = "http://127.0.0.1:1/mcp"'),
  "no transport": upstream('name = "more"\nurl = "http://127.0.0.1:1/mcp"'),
  "no name": upstream('transport = "http"\nurl = "http://127.0.0.1:1/mcp"'),
  "no url": upstream('name = "more"\ntransport = "http"'),
  "no command": upstream('name = "more"\ntransport = "stdio"'),
  "an empty name": upstream(HTTP.replace("more", "")),
  "a name with a colon": upstream(HTTP.replace("more", "mo:re")),
  "a name twice": upstream(HTTP.replace("more", "fixture")),
  "a url that is none": upstream(HTTP.replace("http://127.0.0.1:1/mcp", "nowhere")),
  "a url of another scheme": upstream(HTTP.replace("http://", "file://")),
  "a url that is a number": upstream(HTTP.replace('"http://127.0.0.1:1/mcp"', "7")),
  "arguments that are one text": upstream(`${STDIO}\nargs = "-v"`),
  "arguments that are numbers": upstream(`${STDIO}\nargs = [1, 2]`),
  "an environment that is a list": upstream(`${STDIO}\nenv = ["A=1"]`),
  "an unknown isolation": upstream(`${STDIO}\nisolation = "none"`),
  "a priority of zero": upstream(`${HTTP}\npriority = 0`),
  "a priority that is a text": upstream(`${HTTP}\npriority = "high"`),
  "a negative timeout": upstream(`${HTTP}\ntimeout = -1`),
  "a timeout that is not finite": upstream(`${HTTP}\ntimeout = inf`),
  "a check every half second": upstream(`${HTTP}\nhealth_check_interval = 0.5`),
  "a header with a line break": upstream(`${HTTP}\nheaders = { A = "b\\nc" }`),
  "a header whose name is none": upstream(`${HTTP}\nheaders = { "A B" = "c" }`),
  "half of the credentials": upstream(`${HTTP}\nauth = { auth_type = "oauth" }`),
  "a variable that is not set": upstream(HTTP.replace("127.0.0.1", "$" + "{RADIUM_NO_SUCH_VARIABLE}")),
  "a variable that does not end": upstream(HTTP.replace("127.0.0.1", "$" + "{RADIUM")),
  "a port of 0": proxy("port = 0"),
  "a port of 65536": proxy("port = 65536"),
  "an unknown strategy": proxy('conflict_strategy = "first"'),
  "a name length of 3": proxy("max_name_length = 3"),
  "a switch that is a text": proxy('enable = "yes"'),
  "a pattern that does not end": security('redact_patterns = ["("]'),
  "a pattern with a back-reference": security('redact_patterns = ["(a)\\\\1"]'),
  "a negative limit": security("rate_limit_per_minute = -1"),
  "an unknown policy of the log": security('log_on_failure = "ignore"'),
};

/** What is wrong with the file as a whole. */
export const WHOLE: Readonly<Record<string, Break>> = {
  "bytes that are no text": good => Buffer.concat([Buffer.from(good), Buffer.from([0xff, 0xfe])]),
  "more than a megabyte": good => `${good}\n${"#".repeat(1024 * 1024)}`,
  "a proxy that is switched off": good => good.replace("[mcp.proxy]\n", "[mcp.proxy]\nenable = false\n"),
};
