import { describe, expect, it } from "vitest";
import { type Place, type Redirect, redirectOf } from "./redirects.ts";

const ORIGIN = "http://h.test";
const PLACE: Place = { path: "/mcp?a=1", upgraded: false };
const PERMANENT = 308;

function redirect(status: number, location: string | undefined, more: Partial<Parameters<typeof redirectOf>[1]> = {}) {
  const request = { method: "POST", origin: ORIGIN, place: PLACE, ...more };
  return redirectOf({ status, headers: { location } }, request);
}
const follow = (path: string, upgraded = false): Redirect => ({ kind: "follow", place: { path, upgraded } });
const refusal = (result: Redirect): string => {
  if (result.kind !== "refuse") throw new Error(`it is not refused: ${JSON.stringify(result)}`);
  return result.says;
};

describe("a redirect that keeps the request", () => {
  it.each([
    ["an absolute address", "http://h.test/mcp/", "/mcp/"],
    ["the default port, spelled out", "http://h.test:80/mcp/", "/mcp/"],
    ["another case of the host", "HTTP://H.Test/x", "/x"],
    ["a path", "/other?b=2#part", "/other?b=2"],
    ["a relative path", "deeper/mcp", "/deeper/mcp"],
    ["no protocol", "//h.test/x", "/x"],
    ["a query", "?b=2", "/mcp?b=2"],
    ["dots and blanks", "/a/../b c", "/b%20c"],
  ])("is followed to %s", (_, location, path) => {
    for (const status of [307, PERMANENT]) {
      for (const method of ["POST", "GET", "DELETE"])
        expect(redirect(status, location, { method })).toEqual(follow(path));
    }
  });

  it.each([
    ["another host", "http://other.test/mcp"],
    ["another port", "http://h.test:8080/mcp"],
    ["a name that begins with ours", "http://h.test.evil.test/mcp"],
    ["our name before an @", "http://h.test@evil.test/mcp"],
    ["a backslash", "/\\evil.test/mcp"],
    ["no protocol and another host", "//evil.test/mcp"],
    ["TLS on a port of its own", "https://h.test:8443/mcp"],
    ["a file", "file:///etc/passwd"],
    ["script", "javascript:alert(1)"],
  ])("is not followed to %s", (_, location) => {
    expect(refusal(redirect(307, location, { method: "GET" }))).toContain("another origin");
  });

  it("names the address to write, without credentials and query", () => {
    const says = refusal(redirect(307, "https://u:canary@far.test/v2/mcp?canary#canary"));
    expect(says).toContain("https://far.test/v2/mcp;");
    expect(says).not.toContain("canary");
    expect(refusal(redirect(307, `https://far.test/${"x".repeat(5_000)}`)).length).toBeLessThan(400);
  });

  it.each([undefined, "http://", "http://[", "https://exa mple/"])("that leads nowhere says so: %s", location => {
    expect(refusal(redirect(307, location))).toContain("does not say where");
  });
});

describe("a redirect that clients answer with a GET", () => {
  it.each([301, 302])("is followed by a POST where only a slash or TLS differs: %i", status => {
    expect(redirect(status, "/mcp/?a=1")).toEqual(follow("/mcp/?a=1"));
    expect(redirect(status, "/mcp?a=1", { place: { path: "/mcp/?a=1", upgraded: false } })).toEqual(follow("/mcp?a=1"));
    expect(redirect(status, "https://h.test/mcp?a=1")).toEqual(follow("/mcp?a=1", true));
  });

  it.each([301, 302, 303])("is not followed by a POST or DELETE where more differs: %i", status => {
    for (const method of ["POST", "DELETE"]) {
      for (const location of ["/login", "/mcp/", "/mcp?a=2"]) {
        expect(refusal(redirect(status, location, { method }))).toContain(`drops the request`);
      }
    }
  });

  it("is not followed by a POST when it says that something has run", () => {
    expect(redirect(303, "/mcp/?a=1").kind).toBe("refuse");
  });

  it.each([301, 302, 303])("is followed by a GET: %i", status => {
    expect(redirect(status, "/stream", { method: "GET" })).toEqual(follow("/stream"));
  });
});

describe("TLS on the same host", () => {
  it("is gone to from plain HTTP, and stays", () => {
    expect(redirect(307, "https://h.test/mcp")).toEqual(follow("/mcp", true));
    const place = { path: "/mcp", upgraded: true };
    expect(redirect(307, "/mcp/", { place })).toEqual(follow("/mcp/", true));
    expect(redirect(307, "https://h.test/mcp/", { place })).toEqual(follow("/mcp/", true));
  });

  it("is not left again", () => {
    expect(redirect(307, "http://h.test/mcp", { place: { path: "/mcp", upgraded: true } }).kind).toBe("refuse");
    expect(redirect(307, "http://h.test/mcp", { origin: "https://h.test" }).kind).toBe("refuse");
  });
});

it.each([200, 204, 300, 304, 305, 306, 400])("is none: %i", status => {
  expect(redirect(status, "/x")).toEqual({ kind: "none" });
});
