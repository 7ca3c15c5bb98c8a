import { describe, expect, it } from "vitest";
import { liveOn } from "./live.ts";

function screen(size: { columns: number; rows: number }) {
  const writes: string[] = [];
  return { stream: { ...size, write: (text: string) => writes.push(text) }, writes };
}

describe("live lines", () => {
  it("take the place of the ones before", () => {
    const { stream, writes } = screen({ columns: 80, rows: 24 });
    const live = liveOn(stream);
    live.show(["a", "b"]);
    live.show(["c"]);
    live.clear();
    live.show(["d"]);
    expect(writes).toEqual(["a\nb\n", "\x1b[2A\r\x1b[Jc\n", "\x1b[1A\r\x1b[J", "d\n"]);
  });

  it("never wrap, and never scroll", () => {
    const { stream, writes } = screen({ columns: 6, rows: 3 });
    liveOn(stream).show(["\x1b[31mabcdefgh\x1b[39m", "\x1b[31mab\x1b[39m", "c"]);
    expect(writes).toEqual(["abcd…\n\x1b[31mab\x1b[39m\n"]);
  });
});
