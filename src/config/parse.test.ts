// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how variables are written in the file.
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseConfig } from "./parse.ts";

const piece = fc.constantFrom(
  "[mcp.proxy]\n",
  "[[mcp.proxy.upstreams]]\n",
  "[mcp.proxy.upstreams.auth]\n",
  "[mcp.proxy.security]\n",
  'name = "a"\n',
  'transport = "http"\r\n',
  'url = "${X}"\n',
  "mcp.proxy = {}\n",
  "port = -1\n",
  "__proto__ = 1\n",
  "constructor.prototype = [1, [2], { a = '$${' }]\n",
  'redact_patterns = ["("]\n',
  "tools = [1979-05-27, nan]\n",
  "env = { '' = 1 }\n",
  '"\\u0000" = "',
  "\uFEFF",
  "'''\n",
);

it("answers any text, and places every problem on a line of it", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 5, arbitrary: piece }, fc.string()), { maxLength: 12 }), pieces => {
      const text = pieces.join("");
      const result = parseConfig({ text, path: "f", env: {}, mode: 0o644 });
      const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
      for (const problem of result.ok ? result.warnings : result.problems) {
        expect(problem.line).toBeLessThanOrEqual(lines.length);
        if (problem.line > 0) expect(problem.column).toBeGreaterThan(0);
        expect(problem.message).not.toContain("undefined");
      }
    }),
    { numRuns: 1000 },
  );
});

it("shows neither a value that came from the environment nor a secret that stands in the file", () => {
  const text = `[mcp.proxy]
port = "\${PORT}"
[[mcp.proxy.upstreams]]
name = "a"
transport = "http"
url = "nope://user:hunter2@host"
headers = { "X-Api-Key" = "hunter3", Authorisation = 1, "b c" = "Bearer hunter4" }
auth = { auth_type = "oauth", client_secret = "hunter5" }
`;
  const result = parseConfig({ text, path: "f", env: { PORT: "hunter1" } });
  expect(result.ok).toBe(false);
  expect(JSON.stringify(result)).not.toContain("hunter");
});

it.each([
  ["[mcp.prxy]\nport = 1", "did you mean [mcp.proxy] where it says [mcp.prxy]?"],
  ["[[mcp.proxys.upstreams]]\nname = 'a'", "did you mean [mcp.proxy] where it says [mcp.proxys]?"],
  ["[mpc.proxy]\nport = 1", "did you mean [mcp.proxy] where it says [mpc]?"],
  ["[proxy]\nport = 1", "did you mean [mcp.proxy] where it says [proxy]?"],
  ["[mcp.client]\nx = 1", "put the settings under [mcp.proxy] and [[mcp.proxy.upstreams]]"],
])("names the table that was probably meant to be ours: %s", (text, help) => {
  const result = parseConfig({ text, path: "x.toml", env: {} });
  expect(result.ok && result.warnings.map(warning => warning.help)).toEqual([help]);
});
