import { describe, expect, it } from "vitest";
import { coloured, plain, terminalOf, wantsColour } from "./terminal.ts";

const screen = { isTTY: true, columns: 80, write: () => true };
const pipe = { write: () => true };

describe("colours", () => {
  it.each([
    ["a screen", screen, {}, true],
    ["a pipe", pipe, {}, false],
    ["a screen with NO_COLOR", screen, { NO_COLOR: "1" }, false],
    ["a screen with an empty NO_COLOR", screen, { NO_COLOR: "" }, true],
    ["a pipe with FORCE_COLOR", pipe, { FORCE_COLOR: "1" }, true],
    ["a screen with FORCE_COLOR=0", screen, { FORCE_COLOR: "0" }, false],
    ["both wishes at once", screen, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
    ["a dumb terminal", screen, { TERM: "dumb" }, false],
  ])("on %s", (_, stream, env, expected) => {
    expect(wantsColour(stream, env)).toBe(expected);
  });

  it("are decided for each stream on its own", () => {
    const terminal = terminalOf({ out: pipe, err: screen }, {});
    expect(terminal.paint).toEqual({ out: plain, err: coloured });
    expect(terminal.live).toBeDefined();
    expect(terminal.watched).toBe(false);
    expect(terminal.columns()).toBeUndefined();
  });

  it("come with plain symbols where the locale has no others", () => {
    expect(terminalOf({ out: pipe, err: pipe }, { LANG: "C" }).unicode).toBe(false);
    expect(terminalOf({ out: pipe, err: pipe }, { LANG: "de_DE.UTF-8" }).unicode).toBe(true);
  });
});

describe("a screen that does not say how wide it is", () => {
  it.each([0, undefined])("is not taken for one without room (%s columns)", columns => {
    const live: string[] = [];
    const unsized = { isTTY: true, columns, write: (text: string) => live.push(text) > 0 };
    const terminal = terminalOf({ out: unsized, err: unsized }, {});
    expect(terminal.columns()).toBeUndefined();
    terminal.live?.show(["files: connecting"]);
    expect(live.join("")).toContain("files: connecting");
  });
});
