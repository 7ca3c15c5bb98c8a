import { describe, expect, it } from "vitest";
import { CORPUS } from "../../test/fixtures/canaries/corpus.ts";
import { createRedactor } from "./redact.ts";
import { STEPS } from "./redact-text.ts";
import { HINTS } from "./sensitive.ts";

const redactor = createRedactor([]);
const RULES: readonly (readonly [string, (text: string) => unknown])[] = [
  ...STEPS.map(step => [step.name, step] as const),
  ["of a string of JSON", text => redactor.json(JSON.stringify({ a: text }), { maxBytes: 65_536 })],
  ["of broken JSON", text => redactor.json(`[${text}`, { maxBytes: 65_536 })],
];

/** What a text may be made of that was made to be slow. */
const PIECES: readonly string[] = [
  ...new Set([
    ...HINTS.filter((_, at) => at % 3 === 0).map(String),
    ...CORPUS.filter((_, at) => at % 6 === 0).map(({ text }) => text),
    ...CORPUS.filter((_, at) => at % 9 === 0).map(({ text }) => text.slice(0, text.length / 2)),
    ...[
      "a",
      "A1",
      " ",
      "\n",
      "\t",
      "<",
      "<a ",
      ">",
      '"',
      "'",
      "`",
      "\\",
      '\\"',
      "[",
      "{",
      "(",
      "=",
      ":",
      "|",
      ",",
      ";",
      "-",
      "_",
      ".",
    ],
    ...[
      "cookie",
      "cookie:",
      "cookie: ",
      "'cookie:",
      '"cookie:\n',
      "cookie=a; ",
      "set-cookie:\r",
      "authorization:",
      "cookie:{",
      "cookie:[",
    ],
    ...[
      "password",
      "password ",
      "password:",
      "password: |\n ",
      "password:\n ",
      "password,\n",
      "|password|\n",
      "<password>",
      "<a name=pin value=",
    ],
    ...[
      "-p ",
      "--key ",
      "mysql ",
      "redis-cli ",
      "value: x\n",
      "code ",
      "machine a login b password ",
      "1:22:a:b:",
      "https://a:",
      "://",
      "@",
    ],
    ...[
      "eyJ",
      "-----BEGIN PRIVATE KEY-----",
      "-----BEGIN ",
      "$1$",
      "a:AA",
      "%41",
      "%2541",
      "\\u0041",
      "&#",
      "пароль ",
      "密码",
      "ｐ",
      "é",
    ],
  ]),
].filter(piece => piece !== "");

/** Processor time in milliseconds: that of others does not count. */
function cost(run: () => unknown): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const SMALL = 8_192;
/** Four times the text may take four times as long, and a little more; what is quadratic takes sixteen times. */
const TIMES = 4;
const MOST = 9;
/** Too little to be measured. */
const NOTHING_MS = 8;

describe.each(RULES)("the cost of %s", (_, step) => {
  it("grows no faster than the text", () => {
    const isSlow = (piece: string): boolean => {
      const text = (size: number): string => piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
      const [small, large] = [text(SMALL), text(SMALL * TIMES)];
      const long = cost(() => step(large));
      return long > NOTHING_MS && long / cost(() => step(small)) > MOST;
    };
    // Once may be the garbage collector.
    const slow = PIECES.filter(piece => isSlow(piece) && isSlow(piece) && isSlow(piece));
    expect(slow).toEqual([]);
  }, 60_000);
});
