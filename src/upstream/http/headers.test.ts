import { expect, it } from "vitest";
import type { TokenSource } from "./credentials.ts";
import { authorityOf, channelHeaders, type HeaderSources } from "./headers.ts";

const configured = {
  "X-Api-Key": "k",
  Authorization: "Basic x",
  "Mcp-Session-Id": "mine",
  "content-length": "3",
  "Transfer-Encoding": "chunked",
};
const credentials: TokenSource = { token: () => "t", invalidate() {} };
const headersFor = (sources: Partial<HeaderSources> = {}) => {
  const { fixed, ...rest } = channelHeaders({
    ...{ url: "http://h/mcp", headers: {}, credentials: undefined, userAgent: "us/1" },
    ...sources,
  });
  const pairs = fixed.flatMap((name, at) => (at % 2 === 0 ? [[name, fixed[at + 1]]] : []));
  return { ...rest, fixed: Object.fromEntries(pairs), names: pairs.length };
};
const ours = { "accept-encoding": "identity", "user-agent": "us/1" };

it("sends configured headers except those that the transport owns, says who we are and asks for no compression", () => {
  expect(headersFor({ headers: configured }).fixed).toEqual({ ...ours, "X-Api-Key": "k", Authorization: "Basic x" });
});

it("lets credentials replace a configured authorization and what the URL holds", () => {
  const { fixed } = headersFor({ headers: configured, credentials, url: "http://me:pw@h/mcp" });
  expect(fixed).toEqual({ ...ours, "X-Api-Key": "k" });
});

it("lets the configuration replace what it sets itself, whatever the case, and sends each once", () => {
  const headers = { "USER-AGENT": "theirs", "Accept-Encoding": "gzip" };
  const { fixed, names } = headersFor({ headers });
  expect({ fixed, names }).toEqual({ fixed: { "USER-AGENT": "theirs", "Accept-Encoding": "gzip" }, names: 2 });
});

it.each([
  ["http://me:pw@h/mcp", "me:pw"],
  ["http://me@h/mcp", "me:"],
  ["http://:pw@h/mcp", ":pw"],
  ["http://m%40e:p%3Aw%20%C3%A4@h/mcp", "m@e:p:w ä"],
  ["http://me:100%@h/mcp", "me:100%"],
])("sends the credentials of %s as Basic", (url, pair) => {
  const { authorization } = headersFor({ url }).fixed as { authorization: string };
  expect(Buffer.from(authorization.replace("Basic ", ""), "base64").toString()).toBe(pair);
});

it("prefers a configured authorization to the credentials of a URL", () => {
  expect(headersFor({ url: "http://me:pw@h/mcp", headers: { authorization: "Bearer b" } }).fixed).toEqual({
    ...ours,
    authorization: "Bearer b",
  });
});

it("accepts what is configured besides what the protocol needs", () => {
  const { post, get } = headersFor({ headers: { ACCEPT: "application/vnd.x+json, text/event-stream" } });
  expect(post.at(-1)).toBe("application/vnd.x+json, application/json, text/event-stream");
  expect(get.at(-1)).toBe("application/vnd.x+json, text/event-stream");
});

it("keeps a configured host and cookie apart", () => {
  const headers = { host: "inner.example", Cookie: "a=1" };
  expect(headersFor({ headers })).toMatchObject({ fixed: ours, cookie: "a=1" });
  expect(authorityOf(headers)).toBe("inner.example");
});
