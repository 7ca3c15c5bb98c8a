import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { locate, type Selection } from "./places.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "rad-places-")));
  mkdirSync(join(folder, "project/.radium"), { recursive: true });
  mkdirSync(join(folder, "kept/v1"), { recursive: true });
  writeFileSync(join(folder, "kept/v1/mcp.toml"), "");
});
afterEach(() => rmSync(folder, { recursive: true }));

function placesOf(selection: Selection, cwd = "project") {
  const found = locate(selection, { cwd: join(folder, cwd), env: { TMPDIR: folder } });
  if (!found?.ok) throw new Error(`no place: ${JSON.stringify(found)}`);
  return found.places;
}

describe("an instance", () => {
  it("whose file is a link belongs to the folder that holds `.radium`, whatever the link leads to", () => {
    const link = join(folder, "project/.radium/mcp-proxy.toml");
    symlinkSync(join(folder, "kept/v1/mcp.toml"), link);
    const before = placesOf({});
    expect(before).toMatchObject({
      ...{ configPath: link, baseDir: join(folder, "project"), runDir: join(folder, "project/.radium/run") },
    });
    rmSync(link);
    writeFileSync(join(folder, "kept/other.toml"), "");
    symlinkSync(join(folder, "kept/other.toml"), link);
    expect(placesOf({})).toEqual(before);
  });

  it("stays the same when a mounted configuration swaps the link that its path goes through", () => {
    symlinkSync("v1", join(folder, "kept/data"));
    symlinkSync("data/mcp.toml", join(folder, "kept/mcp.toml"));
    const before = placesOf({ config: "mcp.toml" }, "kept");
    rmSync(join(folder, "kept/data"));
    mkdirSync(join(folder, "kept/v2"));
    writeFileSync(join(folder, "kept/v2/mcp.toml"), "");
    symlinkSync("v2", join(folder, "kept/data"));
    expect(placesOf({ config: join(folder, "kept/mcp.toml") })).toEqual(before);
  });

  it("is the same by whichever links its folder is reached", () => {
    writeFileSync(join(folder, "project/.radium/mcp-proxy.toml"), "");
    symlinkSync("project", join(folder, "alias"));
    const plain = placesOf({});
    expect(placesOf({ config: join(folder, "alias/.radium/mcp-proxy.toml") }, "kept")).toEqual(plain);
    expect(placesOf({}, "alias")).toEqual(plain);
    expect(placesOf({ config: ".radium/mcp-proxy.toml" })).toEqual(plain);
  });
});
