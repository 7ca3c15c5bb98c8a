import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Platform, platformOf } from "../../lib/platform.ts";
import { locate, type Places } from "./places.ts";
import { isGatewayOf } from "./proof.ts";

const home = realpathSync(mkdtempSync(join(tmpdir(), "rad-proof-")));
afterAll(() => rmSync(home, { recursive: true }));
for (const folder of ["a/.radium", "a/deep", "b/.radium"]) mkdirSync(join(home, folder), { recursive: true });
for (const path of ["a/.radium/mcp-proxy.toml", "a/other.toml", "b/.radium/mcp-proxy.toml"])
  writeFileSync(join(home, path), "");

const env = { TMPDIR: home };
function placesOf(selection: Parameters<typeof locate>[0], cwd: string): Places {
  const found = locate(selection, { cwd, env });
  if (!found?.ok) throw new Error("no place");
  return found.places;
}
const places = placesOf({}, join(home, "a"));

const isOurs = (shown: { args?: string; cwd?: string; listens?: string[] }, of: Places = places): boolean => {
  const { args, cwd = join(home, "a"), listens = [] } = shown;
  const commandOf = () => (args === undefined ? undefined : { args: args.split(" "), cwd });
  const platform: Platform = { ...platformOf(), sight: { ...platformOf().sight, commandOf, listensOn: () => listens } };
  return isGatewayOf(4711, of, { platform, env });
};

describe("the gateway of a configuration is", () => {
  test("what listens on its control socket, in whatever folder sockets are", () => {
    expect(isOurs({ listens: [places.socket] })).toBe(true);
    expect(isOurs({ listens: ["/tmp/x.sock", places.socket.replace(home, "/run/user/1")] })).toBe(true);
  });

  test.each([
    ["node /opt/dist/rad.js mcp proxy start", undefined],
    ["node --max-old-space-size=300 /opt/dist/rad.js mcp proxy start --port 0", "a/deep"],
    ["rad mcp proxy start --port 0", undefined],
    [`node rad.js mcp proxy start --config ${home}/a/.radium/mcp-proxy.toml`, "b"],
    [`node rad.js mcp proxy start -c .radium/mcp-proxy.toml`, undefined],
    ["node rad.js mcp proxy start -c a/.radium/mcp-proxy.toml", "."],
    [`node rad.js mcp proxy start -c${home}/a/.radium/mcp-proxy.toml`, "b"],
    [`node rad.js mcp proxy start --config=${home}/a/.radium/mcp-proxy.toml --host ::1`, "b"],
  ])("what was started with %s", (args, folder = "a") => {
    expect(isOurs({ args, cwd: join(home, folder) })).toBe(true);
  });
});

describe("the gateway of a configuration is not", () => {
  test("what nothing is known of, or listens elsewhere", () => {
    expect(isOurs({})).toBe(false);
    expect(isOurs({ listens: [`${places.socket}x`, "/tmp/x.sock"] })).toBe(false);
  });

  test.each([
    ["sleep 60", undefined],
    ["node rad.js mcp proxy status", undefined],
    ["node rad.js mcp list start", undefined],
    ["node notrad.js mcp proxy start", undefined],
    ["vim rad.js", undefined],
    ["node rad.jsx mcp proxy start", undefined],
    ["node rad.js mcp proxy start --config", "."],
    ["node rad.js mcp proxy start", "b"],
    ["node rad.js mcp proxy start --demo", undefined],
    ["node rad.js mcp proxy start --config other.toml", undefined],
    ["node rad.js mcp proxy start", ""],
  ])("what was started with %s", (args, folder = "a") => {
    expect(isOurs({ args, cwd: join(home, folder) })).toBe(false);
  });

  test("the demo, unless it is meant", () => {
    const demo = placesOf({ demo: true }, join(home, "a"));
    expect(isOurs({ args: "node rad.js mcp proxy start --demo" }, demo)).toBe(true);
    expect(isOurs({ args: "node rad.js mcp proxy start --demo", cwd: join(home, "b") }, demo)).toBe(false);
    expect(isOurs({ args: "node rad.js mcp proxy start" }, demo)).toBe(false);
  });
});
