import { describe, expect, it } from "vitest";
import { type Environment, proxyFor } from "./proxy.ts";

const PROXY = "http://proxy.test:3128";
const choice = (url: string, environment: Environment) => {
  const found = proxyFor(url, environment);
  return found.kind === "proxy" ? `${found.variable} ${found.address}` : found.kind;
};

describe("a proxy", () => {
  it.each<[string, string, Environment, string]>([
    ["for plain HTTP", "http://h.test/mcp", { HTTP_PROXY: PROXY }, "HTTP_PROXY proxy.test:3128"],
    ["for TLS", "https://h.test/mcp", { HTTPS_PROXY: PROXY }, "HTTPS_PROXY proxy.test:3128"],
    ["in lower case", "https://h.test/mcp", { https_proxy: PROXY }, "https_proxy proxy.test:3128"],
    ["for all", "https://h.test/mcp", { ALL_PROXY: PROXY }, "ALL_PROXY proxy.test:3128"],
    [
      "for all, but rather its own",
      "http://h.test",
      { ALL_PROXY: "x", http_proxy: PROXY },
      "http_proxy proxy.test:3128",
    ],
    ["rather in lower case", "http://h.test", { HTTP_PROXY: "x", http_proxy: PROXY }, "http_proxy proxy.test:3128"],
    ["without a protocol", "http://h.test", { http_proxy: "proxy.test:8080" }, "http_proxy proxy.test:8080"],
    ["without a port", "http://h.test", { http_proxy: "http://proxy.test" }, "http_proxy proxy.test:80"],
    ["with TLS", "http://h.test", { http_proxy: "https://proxy.test" }, "http_proxy proxy.test:443"],
    ["by its address", "http://h.test", { http_proxy: "http://[::1]:3128" }, "http_proxy [::1]:3128"],
    ["not for the other protocol", "http://h.test", { HTTPS_PROXY: PROXY }, "direct"],
    ["not when it is empty", "http://h.test", { http_proxy: "", HTTP_PROXY: PROXY }, "direct"],
    ["that speaks something else", "http://h.test", { http_proxy: "socks5://p.test:1080" }, "unusable"],
    ["that is no URL", "http://h.test", { http_proxy: "http://[" }, "unusable"],
  ])("is taken %s", (_, url, environment, expected) => {
    expect(choice(url, environment)).toBe(expected);
  });

  it("gets its credentials, which are not shown", () => {
    const found = proxyFor("http://h.test", { http_proxy: "http://me:p%40w@proxy.test:1" });
    expect(found).toMatchObject({ authorization: `Basic ${Buffer.from("me:p@w").toString("base64")}` });
    expect(found).toMatchObject({ address: "proxy.test:1" });
  });

  it.each(["localhost", "localhost.", "x.localhost", "127.0.0.1", "127.1", "0x7f.1", "[::1]"])(
    "never stands before this machine: %s",
    host => {
      expect(choice(`http://${host}:1/mcp`, { http_proxy: PROXY })).toBe("direct");
    },
  );
});

describe("NO_PROXY", () => {
  it.each([
    ["*", "http://h.test"],
    ["h.test", "http://h.test"],
    ["h.test", "http://h.test."],
    ["H.Test.", "http://h.test"],
    ["h.test", "http://mcp.h.test"],
    [".h.test", "http://mcp.h.test"],
    ["*.h.test", "http://mcp.h.test"],
    ["a.test, h.test", "http://h.test"],
    ["a.test h.test", "http://h.test"],
    ["h.test:80", "http://h.test"],
    ["h.test:8080", "http://h.test:8080"],
    ["10.1.2.3", "http://10.1.2.3"],
    ["10.1.2.3:80", "http://10.1.2.3"],
    ["10.0.0.0/8", "http://10.1.2.3"],
    ["::2", "http://[::2]"],
    ["[::2]", "http://[::2]"],
    ["[::2]:80", "http://[::2]"],
    ["fd00::/8", "http://[fd12::1]"],
  ])("of %s leaves %s alone", (list, url) => {
    expect(choice(url, { http_proxy: PROXY, NO_PROXY: list })).toBe("direct");
  });

  it.each([
    ["h.test", "http://oh.test"],
    ["mcp.h.test", "http://h.test"],
    [".h.test", "http://h.test"],
    ["h.test:8080", "http://h.test"],
    ["10.1.2", "http://10.1.2.3"],
    ["10.0.0.0/8", "http://11.1.2.3"],
    ["10.0.0.0/99", "http://10.1.2.3"],
    ["10.0.0.0/8", "http://h.test"],
    ["::/0", "http://10.1.2.3"],
    ["", "http://h.test"],
    [" , ,", "http://h.test"],
  ])("of %s does not leave %s alone", (list, url) => {
    expect(choice(url, { http_proxy: PROXY, NO_PROXY: list })).not.toBe("direct");
  });

  it("in lower case comes first", () => {
    expect(choice("http://h.test", { http_proxy: PROXY, NO_PROXY: "*", no_proxy: "" })).not.toBe("direct");
  });
});
