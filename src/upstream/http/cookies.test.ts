import { beforeEach, describe, expect, it } from "vitest";
import { type CookieJar, createCookieJar } from "./cookies.ts";

const NOW = Date.parse("2026-11-30T12:00:00Z");
let now = NOW;
/** By how much somebody has set the clock. */
let setBy = 0;
let jar: CookieJar;

const jarFor = (more: Partial<Parameters<typeof createCookieJar>[0]> = {}): CookieJar =>
  createCookieJar({
    ...{
      clock: { wall: () => now + setBy, now: () => now - NOW },
      hostname: "mcp.h.test",
      trustworthy: true,
      configured: undefined,
    },
    ...more,
  });
const set = (text: string | string[], path = "/api/mcp"): boolean =>
  jar.take({ status: 200, headers: { "set-cookie": text } }, path, true);
const sent = (path = "/api/mcp") => jar.header(path, false);

beforeEach(() => {
  now = NOW;
  setBy = 0;
  jar = jarFor();
});

describe("a cookie", () => {
  it("comes back, the newest of its name, in the order of their setting", () => {
    set(["a=1; HttpOnly; SameSite=Lax", "b=2"]);
    set("a=3");
    expect(sent()).toBe("b=2; a=3");
  });

  it.each([
    ["with an equals sign in its value", "a=b=c", "a=b=c"],
    ["in quotes, which stay", 'a="b"', 'a="b"'],
    ["without a value", "a=", "a="],
    ["with blanks around", "  a = b ; Path=/", "a=b"],
    ["in Latin-1", "a=\xe4", "a=\xe4"],
  ])("%s is kept", (_, text, header) => {
    set(text);
    expect(sent()).toBe(header);
  });

  it.each(["", "a", "=b", "a b=c", "a=b\u0000", "a=\u20ac", "a=x\r\ny: z", `a=${"b".repeat(5_000)}`])(
    "is not kept when it is malformed or too long: %j",
    text => {
      expect(set(text)).toBe(false);
      expect([sent(), jar.isEmpty]).toEqual([undefined, true]);
    },
  );

  it.each([
    ["/", "/api/mcp", true],
    ["/api", "/api/mcp", true],
    ["/api/", "/api/mcp", true],
    ["/api/mcp", "/api/mcp?x=/y", true],
    ["/ap", "/api/mcp", false],
    ["/api/mcp/", "/api/mcp", false],
    ["/other", "/api/mcp", false],
    ["relative", "/api/other", true],
    ["relative", "/other", false],
  ])("of path %s for %s: %s", (path, request, expected) => {
    set(`a=1; Path=${path}`, "/api/mcp?x=1");
    expect(sent(request)).toBe(expected ? "a=1" : undefined);
  });

  it("of a longer path stands before others, whatever the order of their setting", () => {
    set(["a=1; Path=/", "a=2; Path=/api"]);
    expect(sent()).toBe("a=2; a=1");
  });

  it.each([
    ["mcp.h.test", true],
    [".mcp.h.test", true],
    ["H.test", true],
    ["test", true],
    ["other.test", false],
    ["x.mcp.h.test", false],
    ["cp.h.test", false],
  ])("for the domain %s counts: %s", (domain, expected) => {
    expect(set(`a=1; Domain=${domain}`)).toBe(expected);
  });

  it("for a part of an address does not count", () => {
    jar = jarFor({ hostname: "10.0.0.1" });
    expect(set("a=1; Domain=0.0.1")).toBe(false);
    expect(set("a=1; Domain=10.0.0.1")).toBe(true);
  });

  it("that is secure is sent over TLS and within this machine only", () => {
    jar = jarFor({ trustworthy: false });
    set("a=1; Secure");
    expect([jar.header("/api/mcp", false), jar.header("/api/mcp", true)]).toEqual([undefined, "a=1"]);
    jar = jarFor();
    set("a=1; Secure");
    expect(sent()).toBe("a=1");
  });

  it("ends when it is over, Max-Age before Expires", () => {
    const later = "Expires=Mon, 30 Nov 2026 13:00:00 GMT";
    set(["a=1; Max-Age=60", `b=2; ${later}`, `c=3; Max-Age=60; ${later}`, "d=4", "e=5; Max-Age=soon"]);
    expect(sent()).toBe("a=1; b=2; c=3; d=4; e=5");
    now += 61_000;
    expect(sent()).toBe("b=2; d=4; e=5");
    now += 3_600_000;
    expect(sent()).toBe("d=4; e=5");
  });

  it("is taken back by one that is over", () => {
    set(["a=1", "b=2"]);
    expect(set(["a=; Max-Age=0", "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])).toBe(false);
    expect(jar.isEmpty).toBe(true);
  });

  it("that is only looked at is told of and not kept", () => {
    expect(jar.take({ status: 200, headers: { "set-cookie": "a=1" } }, "/", false)).toBe(true);
    expect(jar.isEmpty).toBe(true);
  });
});

it("keeps a bounded number of cookies and sends a bounded header", () => {
  for (let at = 0; at < 80; at++) set(`c${at}=${"x".repeat(1_000)}`);
  expect(sent()?.length).toBeLessThanOrEqual(16_384);
  expect(sent()).not.toContain("c29=");
  expect(sent()).toContain("c30=");
});

it("sends configured cookies too, unless the upstream has set one of that name", () => {
  jar = jarFor({ configured: "key=k; a=mine" });
  expect(sent()).toBe("key=k; a=mine");
  set("a=1");
  expect(sent()).toBe("key=k; a=1");
});

it("T-64 a cookie lives as long as it was to live when it came, however the clock is set", () => {
  set(["a=1; Max-Age=60", `b=2; Expires=${new Date(NOW + 60_000).toUTCString()}`]);
  setBy = 86_400_000;
  expect(sent()).toBe("a=1; b=2");
  setBy = -86_400_000;
  now = NOW + 60_000;
  expect(sent()).toBeUndefined();
});
