import { describe, expect, it } from "vitest";
import { table } from "./table.ts";
import { coloured } from "./terminal.ts";

describe("table", () => {
  it("aligns columns by what they take on the screen", () => {
    expect(
      table(
        ["name", "state"],
        [
          ["a", "ready"],
          ["世界", "down"],
        ],
      ),
    ).toEqual(["name  state", "a     ready", "世界  down"]);
  });

  it("aligns numbers to the right", () => {
    expect(
      table(
        ["name", "tools", "why"],
        [
          ["a", "5", "x"],
          ["b", "12", ""],
        ],
        { right: [1] },
      ),
    ).toEqual(["name  tools  why", "a         5  x", "b        12"]);
  });

  it("cuts lines at the edge of the screen", () => {
    const lines = table(["name", "why"], [["server", "connection refused"]], { columns: 16 });
    expect(lines[1]).toBe("server  connect…");
  });

  it("pads by the text, not by its colours", () => {
    const lines = table(["a", "b"], [[{ text: "x", tone: "good" }, "y"]], { paint: coloured });
    expect(lines[1]).toBe("\x1b[32mx\x1b[39m  y");
  });

  it("lets no cell move the cursor", () => {
    expect(table(["name"], [["\x1b[2J"]])[1]).toBe("\\u{1b}[2J");
  });

  it("leaves no blanks at the end of a line", () => {
    for (const line of table(
      ["name", "why"],
      [
        ["a", ""],
        ["bb", ""],
      ],
    ))
      expect(line).toBe(line.trimEnd());
  });
});
