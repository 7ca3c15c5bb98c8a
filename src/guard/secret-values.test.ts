import { describe, expect, it } from "vitest";
import { secretsIn } from "./secret-values.ts";

/** As long as a variable of the environment may be on Linux. */
const LONGEST = 128 * 1024;
/** What takes the square of its length takes seconds; one that does not, a few hundredths of one. */
const MOST_MS = 1_000;

/** Beginnings of what is looked for, again and again, none of which comes to its end. */
const PIECES = [
  ...[
    "x",
    "x.",
    "http:",
    "http:/",
    "a://",
    "a://b:",
    "a://@",
    ":",
    "@",
    "/",
    " ",
    "\n",
    ";",
    "=",
    "a ",
    "a  ",
    "a=",
    ",a=",
  ],
  ...[
    ',a="',
    ",a='",
    'password="',
    "password: ",
    "?k=",
    "&k=v",
    "Bearer ",
    "0A",
    "aB3",
    "-",
    "..",
    "a@b.",
    "{",
    "[",
    '{"a":"',
  ],
];
const pairs = PIECES.flatMap(first => PIECES.map(second => first + second));

describe("what is secret of a value", () => {
  it.each([...PIECES, ...pairs.filter((_, at) => at % 7 === 0)])(
    "is found in time that grows with its length: %j",
    piece => {
      const texts = [piece.repeat(LONGEST / piece.length), `a://${piece.repeat(LONGEST / piece.length)}`];
      for (const text of texts) {
        const from = process.cpuUsage();
        secretsIn("VARIABLE", text, "given");
        const { user, system } = process.cpuUsage(from);
        expect((user + system) / 1_000).toBeLessThan(MOST_MS);
      }
    },
  );

  it("does not depend on what stands before and around it", () => {
    const found = (value: string): string[] => secretsIn("VARIABLE", value, "given");
    const address = "postgres://app:s3cr3t-Pa55@db.example.com/x";
    for (const value of [
      address,
      `1${address}`,
      `+${address}`,
      `${"x".repeat(500)}${address}`,
      `see ${address}, please`,
    ])
      expect(found(value)).toContain("s3cr3t-Pa55");
    expect(found("https://a:b:c-d3f4gh1@h/")).toContain("b:c-d3f4gh1");
    expect(found(`x=1;${" ".repeat(12)}password${" ".repeat(3)}=${" ".repeat(5)}"s3cr3t-Pa55"`)).toContain(
      "s3cr3t-Pa55",
    );
    const long = `k3y${"-9fA".repeat(900)}`;
    expect(found(`x=1; private_key="${long}"`)).toContain(long);
  });
});
