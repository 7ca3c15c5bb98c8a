import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/app/cli.ts";
import { stage } from "./fake-gateway.ts";

let folder: string;
let place: { cwd: string; env: Record<string, string> };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rad-init-"));
  place = { cwd: join(folder, "new"), env: { TMPDIR: folder } };
  mkdirSync(place.cwd);
});
afterEach(() => rmSync(folder, { recursive: true }));

async function rad(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const on = stage(place);
  const code = await runCommandLine(args, on.context);
  return { code, out: on.out(), err: on.err() };
}

describe("init", () => {
  const path = (): string => join(folder, "new/.radium/mcp-proxy.toml");

  it("writes a file that is valid, for its user only", async () => {
    expect(await rad("mcp", "proxy", "init")).toMatchObject({
      code: 0,
      out: "Wrote .radium/mcp-proxy.toml\n",
      err: expect.stringContaining("rad mcp proxy start"),
    });
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(statSync(join(place.cwd, ".radium")).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(place.cwd, ".radium/.gitignore"), "utf8")).toBe("run/\n");
    expect(JSON.parse(readFileSync(join(place.cwd, ".radium/mcp-proxy.schema.json"), "utf8"))).toMatchObject({
      type: "object",
    });
    expect(await rad("mcp", "proxy", "validate")).toMatchObject({ code: 0, out: expect.stringContaining("is valid") });
  });

  it("says what is in its way, and leaves nothing behind", async () => {
    mkdirSync(path(), { recursive: true });
    expect(await rad("mcp", "proxy", "init", "--force")).toMatchObject({
      ...{ code: 1, out: "" },
      err: expect.stringMatching(
        /^error\[RAD2021\]: A folder is in the way\n --> .*mcp-proxy\.toml \(rename: EISDIR\)\n/,
      ),
    });
    expect(readdirSync(join(place.cwd, ".radium"))).toEqual(["mcp-proxy.toml"]);
    rmSync(join(place.cwd, ".radium"), { recursive: true });
    writeFileSync(join(place.cwd, ".radium"), "");
    expect((await rad("mcp", "proxy", "init")).err).toMatch(/^error\[RAD2021\]: .*(not a folder|in the way)/);
  });

  it("never overwrites a file unless told to", async () => {
    await rad("mcp", "proxy", "init");
    writeFileSync(path(), "mine");
    writeFileSync(join(place.cwd, ".radium/.gitignore"), "secrets");
    expect(await rad("mcp", "proxy", "init")).toMatchObject({ code: 1, err: expect.stringContaining("--force") });
    expect(readFileSync(path(), "utf8")).toBe("mine");
    expect((await rad("mcp", "proxy", "init", "--force")).code).toBe(0);
    expect(readFileSync(path(), "utf8")).toContain("[mcp.proxy]");
    expect(readFileSync(join(place.cwd, ".radium/.gitignore"), "utf8")).toBe("secrets\nrun/\n");
  });

  it("T-12 writes through no link that somebody prepared", async () => {
    mkdirSync(join(place.cwd, ".radium"));
    const victims = ["mcp-proxy.schema.json", ".gitignore"].map(name => {
      const victim = join(folder, `victim of ${name}`);
      writeFileSync(victim, "precious");
      symlinkSync(victim, join(place.cwd, ".radium", name));
      return victim;
    });
    const { code, err } = await rad("mcp", "proxy", "init");
    expect(code).toBe(0);
    expect(victims.map(victim => readFileSync(victim, "utf8"))).toEqual(["precious", "precious"]);
    expect(err).toContain(".gitignore is a link");
  });

  it("prints the file without writing it", async () => {
    expect(await rad("mcp", "proxy", "init", "--print")).toMatchObject({
      code: 0,
      out: expect.stringContaining("[mcp.proxy]"),
    });
    expect(() => statSync(path())).toThrow("ENOENT");
  });
});
