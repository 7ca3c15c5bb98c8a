import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { createDoor } from "./origin-check.ts";

const door = createDoor({
  host: "fd00::7",
  allowedHosts: ["Gateway.Example.com", "other.example.com:8443", "fd00::8"],
  allowedOrigins: ["https://App.example.com/", "https://shop.example.com:443", "vscode-webview://abc"],
});

/** What the door says to a request with these headers, given as they stand on the wire. */
function visit(headers: readonly (readonly [string, string])[], { url = "/mcp", anyHost = false } = {}) {
  const first = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]).reverse());
  return door({ url, headers: first, rawHeaders: headers.flat() } as unknown as IncomingMessage, anyHost);
}
const withHost = (host: string) => visit([["Host", host]]);
const withOrigin = (origin: string, site?: string) =>
  visit([
    ["Host", "localhost"],
    ["Origin", origin],
    ...(site === undefined ? [] : [["Sec-Fetch-Site", site] as const]),
  ]);

/** What a door says whose configuration allows these hosts and origins. */
const doorOf = (rules: { host?: string; allowedHosts?: string[]; allowedOrigins?: string[] }) => {
  const judge = createDoor({ host: "127.0.0.1", allowedHosts: [], allowedOrigins: [], ...rules });
  return (headers: Record<string, string>) =>
    judge({ url: "/mcp", headers, rawHeaders: Object.entries(headers).flat() } as unknown as IncomingMessage, false);
};

describe("a Host is let in", () => {
  test.each([
    ...["localhost", "localhost:8080", "LOCALHOST:3000", "localhost.", "localhost.:3000", "inspector.localhost:6274"],
    ...[
      "127.0.0.1",
      "127.0.0.1:9999",
      "127.0.0.2:3000",
      "127.255.255.254",
      "[::1]",
      "[::1]:1",
      "[0:0:0:0:0:0:0:1]:3000",
    ],
    ...["[::ffff:127.0.0.1]:3000", "[::ffff:7f00:1]:3000"],
  ])("that can only be this machine: %s", host => {
    expect(withHost(host)).toBeUndefined();
  });

  test.each([
    ...["gateway.example.com", "GATEWAY.example.com:1234", "other.example.com:8443", "[fd00::8]", "[fd00::8]:80"],
    "[fd00::7]:3000",
  ])("that is configured: %s", host => {
    expect(withHost(host)).toBeUndefined();
  });
});

describe("an allowed host", () => {
  test.each<[string, string[], string[]]>([
    [
      "gw.example",
      ["gw.example", "GW.Example", "gw.example:1", "gw.example:443"],
      ["xgw.example", "gw.example.", "gw"],
    ],
    ["gw.example:8443", ["gw.example:8443", "GW.EXAMPLE:8443"], ["gw.example", "gw.example:443", "gw.example:84430"]],
    ["gw.example:443", ["gw.example", "gw.example:443"], ["gw.example:80", "gw.example:4433", "gw.example:1443"]],
    ["gw.example:80", ["gw.example", "gw.example:80"], ["gw.example:443", "gw.example:8080"]],
    ["gw.example:8080", ["gw.example:8080"], ["gw.example", "gw.example:80"]],
    ["FD00::8", ["[fd00::8]", "[FD00::8]:3000"], ["fd00::8", "[fd00::9]", "[fd00::8", "[fd00::8].example"]],
    ["[fd00::8]:8443", ["[fd00::8]:8443"], ["[fd00::8]", "[fd00::8]:80"]],
    ["[fd00::8]:80", ["[fd00::8]", "[fd00::8]:80"], ["[fd00::8]:8080"]],
    ["192.0.2.7:80", ["192.0.2.7", "192.0.2.7:80"], ["192.0.2.70", "192.0.2.7:8080"]],
  ])("%s lets in just what it names", (allowed, inside, outside) => {
    const visitHost = doorOf({ allowedHosts: [allowed] });
    for (const host of inside) expect(visitHost({ host }), host).toBeUndefined();
    for (const host of outside) expect(visitHost({ host }), host).toMatch(/^Host ".*" is not allowed/);
    expect(doorOf({})({ host: inside[0]! })).toMatch(/^Host ".*" is not allowed/);
  });

  test("is also the address that is listened on, but not every address where that is every one", () => {
    expect(doorOf({ host: "192.0.2.7" })({ host: "192.0.2.7:3000" })).toBeUndefined();
    expect(doorOf({ host: "0.0.0.0" })({ host: "192.0.2.7:3000" })).toMatch(/^Host/);
    expect(doorOf({ host: "::" })({ host: "[fd00::8]:3000" })).toMatch(/^Host/);
  });

  test("says nothing of origins, nor an allowed origin of hosts", () => {
    const both = doorOf({ allowedHosts: ["gw.example"], allowedOrigins: ["https://app.example"] });
    expect(both({ host: "gw.example", origin: "https://app.example" })).toBeUndefined();
    expect(both({ host: "gw.example", origin: "https://gw.example" })).toMatch(/^Origin/);
    expect(both({ host: "app.example", origin: "https://app.example" })).toMatch(/^Host/);
  });
});

describe("a Host is refused", () => {
  test.each([
    ...["evil.example.com", "evil.example.com:3000", "localhost.evil.example.com", "127.0.0.1.nip.io:3000"],
    ...["evillocalhost", "evil-localhost:3000", "localhost:3000.evil.example.com", "localhost:80:80", "localhost@evil"],
    ...[
      "",
      "0.0.0.0:3000",
      "[::]:3000",
      "[::ffff:10.0.0.1]",
      "10.244.1.7:3000",
      "::1",
      "127.1",
      "2130706433",
      "[127.0.0.1]",
    ],
    ...[
      "127.0.0.1%00",
      "[::1%25lo]",
      "[::1]evil",
      "127.0.0.256",
      "..localhost",
      "other.example.com",
      "a.gateway.example.com",
    ],
    ...[
      "evil[::1]",
      "evil[::1]:3000",
      "evil.example[::1]",
      "evil 127.0.0.1",
      "127.0.0.1.",
      "[localhost]",
      "localhost..",
      "[]",
    ],
  ])("that could be another one's: %j", host => {
    expect(withHost(host)).toMatch(/^Host ".*" is not allowed; add it to allowed_hosts/);
  });

  test("that is missing", () => {
    expect(visit([])).toMatch(/^Host "" is not allowed/);
  });

  test("and let in where any name will do, but not with the origin of another page", () => {
    expect(visit([["Host", "10.244.1.7:3000"]], { anyHost: true })).toBeUndefined();
    expect(visit([], { anyHost: true })).toBeUndefined();
    const page = [["Host", "10.244.1.7"] as const, ["Origin", "https://evil.example"] as const];
    expect(visit(page, { anyHost: true })).toMatch(/^Origin/);
  });
});

describe("an Origin is let in", () => {
  test.each([
    ...[
      "http://localhost",
      "http://localhost:6274",
      "https://localhost:1",
      "http://127.0.0.1:5173",
      "http://[::1]:3000",
    ],
    ...["http://app.localhost:3000", "https://app.example.com", "https://shop.example.com", "vscode-webview://abc"],
    ...["HTTP://LOCALHOST:6274", "HTTPS://App.Example.com"],
  ])("that is this machine's or configured: %s, from whatever site the browser calls it", origin => {
    for (const site of [undefined, "none", "same-origin", "same-site", "cross-site"])
      expect(withOrigin(origin, site)).toBeUndefined();
  });
});

describe("an allowed origin", () => {
  test.each<[string, string[], string[]]>([
    ["https://app.example", ["https://app.example", "HTTPS://App.Example"], ["https://app.example:8443"]],
    ["HTTPS://App.Example/", ["https://app.example"], ["http://app.example", "https://app.example/"]],
    ["https://app.example:443", ["https://app.example"], ["https://app.example:4430", "http://app.example"]],
    ["http://app.example:80/", ["http://app.example"], ["https://app.example", "http://app.example:8080"]],
    ["http://app.example:8080", ["http://app.example:8080"], ["http://app.example", "http://app.example80"]],
    ["http://app.example:443", ["http://app.example:443"], ["http://app.example", "https://app.example"]],
    ["https://app.example:80", ["https://app.example:80"], ["https://app.example"]],
    ["https://app.example:4433", ["https://app.example:4433"], ["https://app.example", "https://app.example33"]],
    ["https://[fd00::8]:443", ["https://[fd00::8]", "https://[FD00::8]"], ["https://[fd00::9]", "https://fd00::8"]],
    ["web+http://app.example:80", ["web+http://app.example:80"], ["http://app.example", "web+http://app.example"]],
    ["web+https://app.example:443", ["web+https://app.example:443"], ["https://app.example"]],
    ["null", ["null"], [""]],
  ])("%s lets in just what it names", (allowed, inside, outside) => {
    const visitOrigin = doorOf({ allowedOrigins: [allowed] });
    for (const origin of inside) expect(visitOrigin({ host: "localhost", origin }), origin).toBeUndefined();
    for (const origin of outside) {
      expect(visitOrigin({ host: "localhost", origin }), origin).toMatch(/^Origin ".*" is not allowed/);
    }
    expect(doorOf({})({ host: "localhost", origin: inside[0]! })).toMatch(/^Origin ".*" is not allowed/);
  });
});

describe("an Origin is refused", () => {
  test.each([
    ...["http://evil.example", "null", "", "*", "http://localhost.evil.example", "http://localhost:80.evil.example"],
    ...["http://localhost@evil.example", "http://evil.example#localhost", "http://evil.example/localhost"],
    ...[
      "http://app.example.com",
      "https://app.example.com:8443",
      "https://a.app.example.com",
      "ftp://localhost",
      "localhost",
    ],
    ...["vscode-webview://abcd", "http://0.0.0.0:3000", "file://"],
    ...["view-source+http://localhost", "xhttp://localhost:80", "http://evil[::1]", "http://", "https://:3000"],
    ...["http://localhost/page", "http://localhost:3000/", "http://localhost\\@evil.example", "http:localhost"],
    ...["http://localhost/page", "https://localhost:3000/", "http://localhost:3000, http://localhost:3000"],
  ])("that is another one's: %j", origin => {
    expect(withOrigin(origin)).toMatch(/^Origin ".*" is not allowed; add it to allowed_origins/);
  });
});

test("what a page of another site loads without saying its origin is refused", () => {
  const load = (site: string) =>
    visit([
      ["Host", "localhost"],
      ["Sec-Fetch-Site", site],
    ]);
  for (const site of ["cross-site", "none, cross-site"]) expect(load(site)).toMatch(/other web sites/);
  for (const site of ["none", "same-origin", "same-site"]) expect(load(site)).toBeUndefined();
});

test.each(["Host", "Origin"])("a second %s is refused, whatever it says", name => {
  const host = ["Host", "localhost"] as const;
  const twice = name === "Host" ? [host] : ([host, ["Origin", "http://localhost"]] as const);
  const value = name === "Host" ? "localhost" : "http://localhost";
  expect(visit([...twice, [name.toLowerCase(), value]])).toBe("a header is given twice");
});

test("headers with names as long as those are no second ones", () => {
  const others = [
    ["From", "ann@example.com"],
    ["Date", "today"],
    ["Accept", "*/*"],
    ["Cookie", "a=b"],
  ] as const;
  expect(visit([["Host", "localhost"], ["Origin", "http://localhost"], ...others])).toBeUndefined();
});

test("a header's value is no second header, whatever it says", () => {
  expect(
    visit([
      ["Host", "localhost"],
      ["X-Name", "host"],
      ["X-Other", "Origin"],
    ]),
  ).toBeUndefined();
});

test("a request without any target is refused", () => {
  expect(door({ headers: { host: "localhost" }, rawHeaders: [] } as unknown as IncomingMessage, false)).toBe(
    "the request target must be a path",
  );
});

test.each(["", "mcp", "http://localhost/mcp", "*", "localhost:80"])("the target %s is none of ours", url => {
  expect(visit([["Host", "localhost"]], { url })).toBe("the request target must be a path");
});

test("whoever was let in opens the door for nobody else", () => {
  expect(withOrigin("http://localhost:6274")).toBeUndefined();
  expect(withHost("localhost")).toBeUndefined();
  expect(
    visit([
      ["Host", "localhost"],
      ["Origin", "https://evil.example"],
    ]),
  ).toMatch(/^Origin/);
  expect(
    visit([
      ["Host", "localhost"],
      ["Origin", ""],
    ]),
  ).toMatch(/^Origin/);
  expect(
    visit([
      ["Host", "localhost"],
      ["Sec-Fetch-Site", "cross-site"],
    ]),
  ).toMatch(/other web sites/);
});
