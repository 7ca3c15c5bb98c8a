import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { legacyAgent, type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { sdkV1, sdkV2 } from "../fixtures/agents/sdk.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

async function behind(security: Json): Promise<{ gateway: GatewayRun; upstream: Upstream }> {
  const upstream = keep(await startUpstream());
  const toml = configToml([{ name: "fixture", transport: "http", url: upstream.url }], { security });
  const gateway = keep(await startGateway({ toml }));
  await gateway.until();
  return { gateway, upstream };
}

const add = (agent: ModernAgent): Promise<Answered> =>
  agent.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
interface Limited {
  readonly message: string;
  readonly code: number;
  readonly data: { readonly gateway: { readonly reason: string; readonly retryAfterMs: number } };
}
const errorOf = ({ message }: Answered): Limited | undefined => message?.error as unknown as Limited | undefined;

describe("the rate limit", () => {
  test("stops the call after the last that is allowed, and says when to come back", async () => {
    const { gateway, upstream } = await behind({ rate_limit_per_minute: 3 });
    const agent = modernAgent(gateway.url);
    for (let calls = 0; calls < 3; calls++) expect((await add(agent)).message?.result).toBeDefined();
    const stopped = await add(agent);
    const error = errorOf(stopped);
    expect(stopped.status).toBe(200);
    expect(error).toMatchObject({ code: -31004, data: { gateway: { reason: "rate_limited", retryable: true } } });
    expect(error?.message).toMatch(/^Rate limit exceeded/);
    const ms = error?.data.gateway.retryAfterMs ?? 0;
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(20_000);
    expect(Number(stopped.headers["retry-after"])).toBe(Math.ceil(ms / 1000));
    expect(upstream.journal.executions).toHaveLength(3);
  });

  test("is for each tool and each agent", async () => {
    const { gateway } = await behind({ rate_limit_per_minute: 1 });
    const agent = modernAgent(gateway.url, { name: "one" });
    expect((await add(agent)).message?.result).toBeDefined();
    expect(errorOf(await add(agent))?.code).toBe(-31004);
    const other = await agent.request("tools/call", { name: "count", arguments: {} });
    expect(other.message?.result).toBeDefined();
    expect((await add(modernAgent(gateway.url, { name: "two" }))).message?.result).toBeDefined();
    expect(errorOf(await agent.request("tools/call", { name: "fixture:add", arguments: { a: 1, b: 1 } }))?.code).toBe(
      -31004,
    );
  });

  test("is honest: the same call is served when the time that it named is over", async () => {
    const { gateway } = await behind({ rate_limit_per_minute: 60 });
    const agent = modernAgent(gateway.url);
    let stopped: Limited | undefined;
    for (let calls = 0; calls < 70 && !stopped; calls++) stopped = errorOf(await add(agent));
    expect(stopped?.code).toBe(-31004);
    await sleep(stopped?.data.gateway.retryAfterMs ?? 0);
    expect((await add(agent)).message?.result).toBeDefined();
  });

  test("is off at 0, and never applies to lists", async () => {
    const { gateway } = await behind({ rate_limit_per_minute: 0 });
    const agent = modernAgent(gateway.url);
    const answers = await Promise.all(Array.from({ length: 150 }, () => add(agent)));
    expect(answers.every(({ message }) => message?.result)).toBe(true);
    const limited = await behind({ rate_limit_per_minute: 1 });
    for (let lists = 0; lists < 5; lists++) {
      expect((await modernAgent(limited.gateway.url).request("tools/list")).message?.result).toBeDefined();
    }
  });

  test("reaches users of both SDKs as a typed error", async () => {
    const { gateway } = await behind({ rate_limit_per_minute: 1 });
    for (const client of [
      await sdkV1(gateway.url),
      await sdkV2(gateway.url),
      await sdkV2(gateway.url, "auto", "auto"),
    ]) {
      await client.call("add", { a: 1, b: 1 }).catch(() => {});
      await expect(client.call("add", { a: 1, b: 1 })).rejects.toMatchObject({ code: -31004 });
      await client.close();
    }
  });
});

describe("the request log", () => {
  const SECRET = "hunter2-5f3a9c";
  const KEY = "sk-live-9f8e7d6c5b4a39281706";
  const lines = (gateway: GatewayRun): string => JSON.stringify(gateway.logLines());
  const everything = (gateway: GatewayRun): string => {
    const run = join(gateway.dir, ".radium", "run");
    const files = readdirSync(run, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    return files.map(entry => readFileSync(join(entry.parentPath, entry.name), "utf8")).join("\n") + gateway.output();
  };
  const logged = (gateway: GatewayRun, text: string) => poll(() => lines(gateway).includes(text));

  test("has the call and its answer, without the secrets in them", async () => {
    const { gateway } = await behind({});
    const agent = modernAgent(gateway.url, { name: "honest-agent" });
    const args = {
      city: "Reykjavik",
      password: SECRET,
      nested: { api_key: KEY, list: [{ accessToken: SECRET }] },
      note: `please use password=${SECRET} and Authorization: Bearer ${KEY} there`,
    };
    const { message } = await agent.request("tools/call", { name: "echo", arguments: args });
    expect(JSON.stringify(message?.result)).toContain(SECRET);
    expect(await logged(gateway, "Reykjavik")).toBe(true);
    expect(lines(gateway)).toContain("honest-agent");
    expect(lines(gateway)).toContain("password");
    expect(everything(gateway)).not.toContain(SECRET);
    expect(everything(gateway)).not.toContain(KEY);
  });

  test("honours patterns of the operator's own, in keys and in text", async () => {
    const { gateway } = await behind({ redact_patterns: ["employee_no", "\\bINT-[0-9]{6}\\b"] });
    const args = { where: "Oslo", employee_no: "E-77123", text: "ticket INT-445566 is open" };
    await modernAgent(gateway.url).request("tools/call", { name: "echo", arguments: args });
    expect(await logged(gateway, "Oslo")).toBe(true);
    expect(everything(gateway)).not.toContain("E-77123");
    expect(everything(gateway)).not.toContain("INT-445566");
  });

  test("says which upstream, how long and how it ended, one object a line", async () => {
    const { gateway } = await behind({});
    const agent = keep(await legacyAgent(gateway.url, "2025-11-25", { name: "old-agent" }));
    await agent.request("tools/call", { name: "add", arguments: { a: 40, b: 2 } });
    await agent.request("tools/call", { name: "no_such_tool", arguments: {} });
    expect(await logged(gateway, "no_such_tool")).toBe(true);
    const [added, unknown] = gateway.logLines();
    expect(added).toMatchObject({
      agent: "old-agent/1.0.0",
      upstream: "fixture",
      target: "add",
      outcome: "ok",
      attempts: 1,
    });
    expect(added?.ms).toBeGreaterThan(0);
    expect(unknown).toMatchObject({ target: "no_such_tool", outcome: "failed", reason: "unknown_name" });
  });

  test("has no bodies when told so", async () => {
    const { gateway } = await behind({ log_requests: false, log_responses: false });
    const args = { marker: "quite-unmistakable" };
    await modernAgent(gateway.url).request("tools/call", { name: "echo", arguments: args });
    await gateway.stop();
    const [line, ...others] = gateway.logLines();
    expect(line).toMatchObject({ method: "tools/call", target: "echo", outcome: "ok", bytesIn: expect.any(Number) });
    expect([others, line?.request, line?.response]).toEqual([[], undefined, undefined]);
    expect(everything(gateway)).not.toContain("quite-unmistakable");
  });
});
