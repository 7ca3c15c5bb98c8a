import { describe, expect, it } from "vitest";
import { createKnownSecrets } from "../core/secrets/known-secrets.ts";
import { maskLine, secretsOf, secretsOfEnvironment } from "./configured-secrets.ts";

const S = "cAnArY7d1f9";
const RANDOM = "9b2e7c1f4a8d3e6b5c0f1a2d";
const UUID = "0b7c9d1e-2f3a-4b5c-8d6e-7f8a9b0c1d2e";

const ofUpstream = (upstream: Record<string, unknown>, env: Record<string, string> = {}): string[] =>
  secretsOf({ written: { upstreams: [upstream] }, filled: [] }, env);

const SECRET: Readonly<Record<string, [upstream: Record<string, unknown>, secret: string]>> = {
  "a variable with such a name": [{ env: { GITHUB_TOKEN: S } }, S],
  "a short password": [{ env: { DB_PASSWORD: "hunter2" } }, "hunter2"],
  "a variable that looks random": [{ env: { WHATEVER: RANDOM } }, RANDOM],
  "a password in the address of a database": [{ env: { DATABASE_URL: `postgres://bob:${S}@db:5432/x` } }, S],
  "a password in a connection string": [{ env: { CONN: `Server=db;User Id=sa;Password=${S};` } }, S],
  "a header of JSON": [{ env: { MCP_HEADERS: `{"Authorization":"Bearer ${S}","Version":"2022-06-28"}` } }, S],
  "a bearer token": [{ headers: { Authorization: `Bearer ${S}` } }, S],
  "a password of Basic": [{ headers: { Authorization: `Basic ${Buffer.from(`bob:${S}`).toString("base64")}` } }, S],
  "a header with such a name": [{ headers: { "X-Api-Key": S } }, S],
  "any header that looks random": [{ headers: { "X-Whatever": RANDOM } }, RANDOM],
  "a cookie": [{ headers: { Cookie: `a=b; sid=${S}` } }, S],
  "a client secret": [{ auth: { client_secret: "shortie" } }, "shortie"],
  "a password in a URL": [{ url: `https://bob:${S}@example.com/mcp` }, S],
  "an encoded password in a URL, decoded": [{ url: `https://bob:a%2F${S}@example.com/mcp` }, `a/${S}`],
  "a segment of a URL's path": [{ url: `https://example.com/s/${RANDOM}/mcp` }, RANDOM],
  "a UUID in a URL's path": [{ url: `https://example.com/s/${UUID}/mcp` }, UUID],
  "a parameter of a URL": [{ url: `https://example.com/mcp?api_key=${S}` }, S],
  "a random parameter of a URL": [{ url: `https://example.com/mcp?x=${RANDOM}` }, RANDOM],
  "an argument behind such an option": [{ args: ["--api-key", S] }, S],
  "an argument in such an option": [{ args: [`--token=${S}`] }, S],
  "an argument behind --key": [{ args: ["--key", S] }, S],
  "an argument behind -k": [{ args: ["-k", S] }, S],
  "a positional argument that looks random": [{ args: ["server", RANDOM] }, RANDOM],
  "a positional argument of a known kind": [{ args: [`sk-proj-${RANDOM}`] }, `sk-proj-${RANDOM}`],
  "a variable for a container": [{ args: ["run", "-e", `API_TOKEN=${S}`, "image"] }, S],
  "a header for a bridge": [{ args: ["mcp-remote", "https://x/mcp", "--header", `Authorization: Bearer ${S}`] }, S],
  "an address among the arguments": [{ args: [`postgresql://bob:${S}@db/x`] }, S],
  "an inherited variable": [{ inherit_env: ["MY_SECRET"] }, "1nherited-value"],
};

const INNOCENT: Readonly<Record<string, Record<string, unknown>>> = {
  "switches and numbers": {
    env: { DEBUG: "1", PORT: "30000000", MAX_TOKENS: "100000", TOKEN_LIMIT: "12345678", VERBOSE: "true" },
  },
  words: { env: { NODE_ENV: "production", LANG: "en_US.UTF-8", MODE: "read-only", AUTH_TYPE: "authorization_code" } },
  paths: {
    env: { ROOT: "/home/user/project1", SECRETS_FILE: "/run/secrets/my_token", TOKEN_PATH: "./tokens/a1b2.json" },
  },
  addresses: {
    env: { API_URL: "https://api.example.com/v1/things", HOST: "db1.internal.example.com", MAIL: "me1@example.com" },
  },
  "names of things": {
    env: {
      PROJECT_ID: "my-project-4f3c9b2a17d8",
      SHEET_ID: "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms",
      TENANT_ID: UUID,
    },
  },
  versions: { env: { MODEL: "claude-3-5-sonnet-20241022", API_VERSION: "2022-06-28", IMAGE: "node:20-alpine3.19" } },
  "what stands for a secret": { env: { DB_PASSWORD: "postgres", API_KEY_HEADER: "X-Api-Key", PASSWORD: "changeme" } },
  "headers that say how to talk": {
    headers: { Accept: "application/json", "User-Agent": "agent/1.2.3 a1b2c3d4e5f6", "X-Tenant": "acme-corp" },
  },
  arguments: {
    args: [
      "-y",
      "@scope/server-name@2025.11.30",
      "/srv/data",
      "--port",
      "8080",
      "--region",
      "eu-central-1",
      "-p",
      "8080:80",
    ],
  },
  sources: { args: ["--from", "git+https://github.com/o/r@4f3c9b2a17d84f3c9b2a17d84f3c9b2a17d84f3c"] },
  images: {
    args: ["run", "-i", "--rm", "ghcr.io/o/r@sha256:9b2e7c1f4a8d3e6b5c0f1a2d9b2e7c1f4a8d3e6b5c0f1a2d9b2e7c1f4a8d3e6b"],
  },
  "a plain address": { url: "https://mcp.example.com:8443/v1/mcp?transport=streamable" },
};

describe("what a configuration keeps secret", () => {
  it.each(Object.keys(SECRET))("holds %s", name => {
    const [upstream, secret] = SECRET[name] ?? [{}, ""];
    expect(ofUpstream(upstream, { MY_SECRET: "1nherited-value" })).toContain(secret);
  });

  it.each(Object.keys(INNOCENT))("does not hold %s", name => {
    expect(ofUpstream(INNOCENT[name] ?? {})).toEqual([]);
  });

  it("holds what variables were filled in for, wherever that was", () => {
    const filled = [
      { variable: "SOME_VALUE", value: "any1thing" },
      { variable: "GITHUB_TOKEN", value: "allletters" },
      { variable: "HOME", value: "/srv/bob/x" },
      { variable: "REGION", value: "eu-central-1" },
    ];
    expect(secretsOf({ written: {}, filled }, {})).toEqual(["any1thing", "allletters"]);
  });

  it.each([
    ["BRANCH", "feature/login-2"],
    ["GIT_COMMIT", "7569125abc"],
    ["INDEX", "products-2024"],
    ["ARCH", "linux-x64"],
    ["K8S_NAMESPACE", "team-a-prod1"],
    ["SNOWFLAKE_ACCOUNT", "xy12345.eu-central-1"],
    ["WORKER", "worker17a"],
    ["USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64)"],
    ["COMPANY", "Acme Ltd. 24"],
    ["regionCode", "eu1west2"],
    ["PGDATABASE", "inventory2"],
    ["NODE_OPTIONS", "--max-old-space-size=4096"],
  ])("does not hold what is spoken of: variable %s", (variable, value) => {
    expect(secretsOf({ written: {}, filled: [{ variable, value }] }, {})).toEqual([]);
    // A key is one, whatever its variable is called.
    expect(secretsOf({ written: {}, filled: [{ variable, value: RANDOM }] }, {})).toEqual([RANDOM]);
  });

  it.each(["ACCOUNT_KEY", "REPO_TOKEN", "AGENT_SECRET", "APP_PASSWORD_INDEX"])(
    "holds the value of the variable %s",
    variable => {
      expect(secretsOf({ written: {}, filled: [{ variable, value: "any1thing" }] }, {})).toEqual(["any1thing"]);
    },
  );

  it("is also known of a configuration that makes no sense", () => {
    expect(secretsOf({ written: { upstreams: [{ env: { TOKEN: S } }, 7, null] }, filled: [] }, {})).toContain(S);
    expect(secretsOf({ written: "x", filled: [] }, {})).toEqual([]);
  });
});

it("knows what is secret in a process's own environment", () => {
  const env = {
    HTTPS_PROXY: `http://bob:${S}@proxy:3128`,
    AWS_SECRET_ACCESS_KEY: `${S}${S}`,
    PATH: "/bin",
    SSH_AUTH_SOCK: "/tmp/a1b2c3/agent.1",
  };
  const found = secretsOfEnvironment(env);
  expect(found).toContain(S);
  expect(found).toContain(`${S}${S}`);
  expect(found.filter(one => one.includes("/bin") || one.includes("/tmp"))).toEqual([]);
});

describe("what a status shows of a command line and an address", () => {
  it.each(Object.keys(SECRET).filter(name => SECRET[name]?.[0].args))("is nothing of %s", name => {
    const [upstream, secret] = SECRET[name] ?? [{}, ""];
    const known = createKnownSecrets();
    known.learn(ofUpstream(upstream));
    expect(known.hide(`npx ${(upstream.args as string[]).join(" ")}`)).not.toContain(secret);
  });
});

describe("a line of the configuration", () => {
  it.each([
    [`args = ["--key", "${RANDOM}"]`, RANDOM],
    [`env = { GITHUB_TOKEN = "${S}`, S],
    [`  "postgres://bob:${S}@db/x",`, S],
    [`url = "https://example.com/s/${RANDOM}/mcp"`, RANDOM],
    [`headers = { X-Whatever = '${RANDOM}' }`, RANDOM],
    [`DB_PASSWORD = "hunter22"`, "hunter22"],
  ])("shows asterisks in %s", (line, secret) => {
    const shown = maskLine(line);
    expect(shown).not.toContain(secret);
    expect(shown).toHaveLength(line.length);
  });

  it.each([
    'name = "files"',
    'command = "npx"',
    'args = ["-y", "@scope/server", "/srv/data"]',
    'env = { TOKEN = "$' + '{TOKEN}" }',
    'url = "http://localhost:8080/mcp"',
  ])("shows %s", line => expect(maskLine(line)).toBe(line));
});
