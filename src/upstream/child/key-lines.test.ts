import { describe, expect, test } from "vitest";
import { hideKeys } from "./key-lines.ts";

const BODY = [..."abcdefghijkl"].map(letter => letter.repeat(64));
const key = (kind = "RSA PRIVATE KEY"): string[] => [
  `-----BEGIN ${kind}-----`,
  ...BODY,
  "c2hvcnQ=",
  `-----END ${kind}-----`,
];
const leaks = (lines: readonly string[]): boolean => /(.)\1{30}|c2hvcnQ/.test(lines.join("\n"));

describe("a private key over several lines", () => {
  test.each(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])(
    "(%s) is hidden as a whole, and what stands around it is not",
    kind => {
      const [first, ...rest] = key(kind);
      const lines = hideKeys([
        "starting",
        `loaded ${first}`,
        ...rest.slice(0, -1),
        `${rest.at(-1)} and went on`,
        "ready",
      ]);
      expect(lines).toEqual(["starting", "loaded [redacted] and went on", "ready"]);
    },
  );

  test("is hidden when a logger has put something before each line", () => {
    const lines = hideKeys(["up", ...key().map(line => `worker-1 | ${line}`), "worker-1 | ready"]);
    expect(lines).toEqual(["up", "worker-1 | [redacted]", "worker-1 | ready"]);
  });

  test("is hidden when its beginning has been forgotten, or its end has not come", () => {
    expect(hideKeys([...key().slice(3), "ready"])).toEqual(["[redacted]", "ready"]);
    expect(hideKeys(["up", ...key().slice(0, -2)])).toEqual(["up", "[redacted]"]);
    expect(hideKeys(["up", ...key().slice(0, 4), "it broke off"])).toEqual(["up", "[redacted]", "it broke off"]);
    expect(hideKeys([...key().slice(0, 4), ...key()])).toEqual(["[redacted]", "[redacted]"]);
  });

  test("that is only spoken of hides nothing else", () => {
    const lines = ["no key: -----BEGIN PRIVATE KEY----- expected", "giving up now", "exit 1"];
    expect(hideKeys(lines)).toEqual(["no key: [redacted]", "giving up now", "exit 1"]);
    expect(hideKeys(["a", "b"])).toEqual(["a", "b"]);
  });

  test("costs time that grows with the number of lines, whatever they hold", () => {
    const many = Array.from({ length: 5_000 }, (_, at) => (at % 2 ? "-----BEGIN PRIVATE KEY-----" : "x".repeat(10)));
    expect(leaks(hideKeys([...many, ...key()]))).toBe(false);
  });
});
