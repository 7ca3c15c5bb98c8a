import { describe, expect, it } from "vitest";
import { createRedactor } from "./redact.ts";

/** Occurs in every canary that must vanish. */
const S = "cAnArY7d1f9";
const LONG = `${S}0123456789abcdefABCDEF0123456789`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const CANARIES: readonly string[] = [
  `Authorization: Bearer ${S}`,
  `authorization: Basic x${S}`,
  `Authorization: Digest username="bob", response="${S}"`,
  `curl -H "Authorization: token ${S}" https://example.com -d x`,
  `curl -H 'X-Api-Key: ${S}' https://example.com`,
  `Proxy-Authorization=Bearer%20${S}`,
  `Cookie: a=b; session=${S}; c=d`,
  `Set-Cookie: id=${S}; Path=/; HttpOnly`,
  `Mcp-Session-Id: ${S}`,
  `it said bearer ${S}, then stopped`,
  `GET /?access_token=${S} 200`,
  `/callback?state=1&id_token=${S}&x=1`,
  `https://example.com/blob?sv=1&sig=${S}%3D&se=2`,
  `https://example.com/o?X-Amz-Signature=${S}&x=1`,
  `https://maps.example.com/?key=${S}`,
  `https://bob:${S}@example.com/x`,
  `https://${S}@example.com/x`,
  `postgres://bob:p@ss${S}@db:5432/x`,
  `postgres://bob:p/${S}@db:5432/x?sslmode=require`,
  `redis://:${S}@cache`,
  `https%3A%2F%2Fbob%3A${S}%40example.com`,
  `next=%2Fx%3Fpassword%3D${S}%26y%3D1`,
  `next=%252Fx%253Fpassword%253D${S}%2526y%253D1`,
  `p%61ssword=${S}`,
  `%7B%22password%22%3A%22a%20${S}%22%7D`,
  `password=${S}`,
  `password = "a b ${S}"`,
  `password: 'it''s ${S}'`,
  `password="""a "b" ${S}"""`,
  `password => ${S}`,
  `password := ${S}`,
  `user[password]=${S}`,
  `params['token'] = '${S}'`,
  `password=a,b;c'd"e${S}`,
  `PASSWORD=${S}\nHOME=/root`,
  `DB_PASS=${S}`,
  `export AWS_SECRET_ACCESS_KEY=${S}`,
  `Server=db;User=bob;Pwd=${S};`,
  `API key: ${S}`,
  `apiKey: ${S},`,
  `accessToken:${S}`,
  `//registry.example/:_authToken=${S}`,
  `mysql --password ${S} -u bob`,
  `tool --api-key=${S}`,
  `run ["--token","${S}"]`,
  `run ['--token', '${S}']`,
  `<password>a ${S}</password>`,
  `&quot;password&quot;:&quot;${S}&quot;`,
  `{"password":"${S}"}`,
  `{'password': '${S}', 'x': 1}`,
  `reply: {"token":{"a":["${S}"]},"b":1}`,
  `reply: {\\"token\\":\\"a\\\\\\"${S}\\",\\"b\\":1}`,
  `{"a":1}\n{"pass\\u0077ord":"${S}"}`,
  `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI${S}.${S}`,
  `key AKIA${"ABCDEFGHIJKLMNOP"} and ghp_${LONG}`,
  `github_pat_${LONG}`,
  `glpat-${LONG}`,
  `npm_${LONG}`,
  `sk-proj-${LONG}`,
  `sk_live_${LONG}`,
  `xoxb-123-${LONG}`,
  `AIza${LONG}`,
  `ya29.${LONG}`,
  `-----BEGIN RSA PRIVATE KEY-----\nMII${S}\n${S}==\n-----END RSA PRIVATE KEY-----`,
  `private_key: |\n  -----BEGIN PRIVATE KEY-----\n  MII${S}`,
];

describe.each(CANARIES)("%s", canary => {
  const redactor = createRedactor(["api[_-]?key", "password", "token"]);
  const surroundings: Record<string, (text: string) => unknown> = {
    "a JSON string": text => ({ note: text }),
    "a JSON string among others": text => [1, `see: ${text} and so on`, { x: [text] }],
    "JSON in a JSON string": text => ({ content: [{ type: "text", text: JSON.stringify({ a: { b: text } }) }] }),
    "JSON in JSON in a JSON string": text => JSON.stringify({ a: JSON.stringify([text]) }),
    "a name": text => ({ [text]: 1 }),
  };

  it("is removed from text", () => {
    expect(redactor.text(canary)).not.toContain(S);
    expect(redactor.text(`at start-up: ${canary}\nnext line`)).not.toContain(S);
  });

  it.each(Object.keys(surroundings))("is removed from %s", name => {
    const json = JSON.stringify(surroundings[name]?.(canary));
    const redacted = redactor.json(json, { maxBytes: 4096 });
    expect(JSON.parse(redacted)).toBeDefined();
    expect(redacted).not.toContain(S);
    expect(redactor.json(json.replaceAll("a", "\\u0061"), { maxBytes: 8192 })).not.toContain(S);
  });
});

it("removes Basic credentials and leaves the word", () => {
  const redactor = createRedactor([]);
  expect(redactor.text(`Basic ${base64("bob:hunter2")}`)).toBe("Basic [redacted]");
  expect(redactor.text("Basic understanding of it")).toBe("Basic understanding of it");
});
