import { describe, expect, it } from "vitest";
import { displayWidth, jsonLine, printable, printableLines, truncate } from "./printable.ts";

describe("printable", () => {
  it.each([
    ["an escape sequence", "\x1b]0;pwn\x07\x1b[2J", "\\u{1b}]0;pwn\\u{7}\\u{1b}[2J"],
    ["a line break", "a\nb\r", "a\\u{a}b\\u{d}"],
    ["a C1 control", "\u009b31m", "\\u{9b}31m"],
    ["DEL", "\x7f", "\\u{7f}"],
    ["a bidirectional override", "ab\u202ecd", "ab\\u{202e}cd"],
    ["a bidirectional isolate", "\u2066x\u2069", "\\u{2066}x\\u{2069}"],
    ["a zero-width space and joiner", "a\u200bb\u200dc", "a\\u{200b}b\\u{200d}c"],
    ["a byte order mark", "\ufeffa", "\\u{feff}a"],
    ["a tag character", "a\u{e0041}", "a\\u{e0041}"],
    ["a character drawn as nothing", "a\u3164b", "a\\u{3164}b"],
    ["a line separator", "a\u2028b", "a\\u{2028}b"],
    ["a lone surrogate", "a\ud800b", "a\\u{d800}b"],
    ["an OSC 8 link", "\x1b]8;;http://x\x1b\\y", "\\u{1b}]8;;http://x\\u{1b}\\y"],
  ])("shows %s as an escape", (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("leaves visible text alone", () => {
    const text = "Grüße, 世界, ❤️ e\u0301 ~!";
    expect(printable(text)).toBe(text);
  });

  it("keeps line breaks and tabs of a text of several lines, and nothing else", () => {
    expect(printableLines("a\r\n\tb\x1b[2J\r")).toBe("a\n\tb\\u{1b}[2J\\u{d}");
  });

  it("lets no character through that a terminal acts on", () => {
    for (let code = 0; code < 0x3000; code++) {
      const shown = printable(String.fromCodePoint(code));
      expect(/^\\u\{[0-9a-f]+\}$/.test(shown) || !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown), code.toString(16)).toBe(
        true,
      );
    }
  });
});

describe("displayWidth", () => {
  it.each([
    ["abc", 3],
    ["世界", 4],
    ["한글", 4],
    ["e\u0301", 1],
    ["🚀", 2],
    ["❤️", 2],
    ["ü", 1],
  ])("measures %s", (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe("truncate", () => {
  it("keeps what fits", () => expect(truncate("abc", 3)).toBe("abc"));
  it("marks where it cut", () => expect(truncate("abcdef", 4)).toBe("abc…"));
  it("never splits a wide character", () => expect(truncate("世界世界", 4)).toBe("世…"));
});

describe("T-39 a line of JSON", () => {
  /** Everything that a terminal obeys, or draws as nothing. */
  const ACTING = [
    ...Array.from({ length: 0x20 }, (_, code) => code),
    ...Array.from({ length: 0x21 }, (_, code) => 0x7f + code),
    ...[
      0xad, 0x61c, 0x115f, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c,
      0x202d, 0x202e,
    ],
    ...[0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0x3164, 0xfeff, 0xfff9, 0x1d173],
    ...Array.from({ length: 0x80 }, (_, code) => 0xe0000 + code),
    ...[0xe0100, 0xe01ef],
  ].map(code => String.fromCodePoint(code));

  it("says the same, and holds nothing that a terminal obeys", () => {
    const value = { text: ACTING.join("x"), [`a${ACTING.join("")}`]: ["\ud800", "Grüße 世界 ❤️"] };
    const line = jsonLine(JSON.stringify(value));
    expect(JSON.parse(line)).toEqual(value);
    for (const character of ACTING)
      expect(line.includes(character), character.codePointAt(0)?.toString(16)).toBe(false);
    expect(line).toContain("Grüße 世界 ❤️");
  });

  it("stays one line, whatever stands between the tokens", () => {
    expect(jsonLine('{\n\t"a":\r\n1}')).toBe('{ "a": 1}');
  });

  it("escapes control characters that should not be in its strings", () => {
    expect(JSON.parse(jsonLine('{"a":"\u001b[2J\u009b"}'))).toEqual({ a: "\u001b[2J\u009b" });
  });
});
