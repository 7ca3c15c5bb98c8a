import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { broken, type Call, type Handle, type Outcome } from "../core/call.ts";
import type { Failure } from "../core/failure.ts";
import { ownerId, principal, upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { inOrder } from "../core/pass.ts";
import { Payload } from "../core/payload.ts";
import { Aborter } from "../core/signal.ts";
import { type AuditOptions, audit } from "./audit.ts";
import { createRedactor, type Redacted } from "./redact.ts";

const route = { upstream: upstreamName("files"), attempts: 2 };
const NASTY = 'a\n{"level":"error"}\r\u2028\u2029\u0085\ud800"\\';

function call(changes: Partial<Call> & { agent?: string } = {}): Call {
  return {
    caller: {
      principal: principal("ann"),
      agent: changes.agent ?? "cli/1",
      owner: ownerId("o"),
      capabilities: Payload.of({}),
      converses: false,
    },
    view: { kind: "all" },
    method: "tools/call",
    target: "read",
    subject: undefined,
    params: Payload.of({ name: "read", arguments: { password: "hunter2" } }),
    continues: undefined,
    signal: new Aborter().signal,
    logLevel: undefined,
    notify() {},
    ...changes,
  };
}

function setUp(options: Partial<AuditOptions> = {}) {
  const clock = manualClock({ wallMs: 0 });
  const lines: string[] = [];
  const layer = audit({
    log: { write: (line: Redacted) => void lines.push(line), ready: true },
    blocks: false,
    redactor: createRedactor([]),
    clock,
    logRequests: true,
    logResponses: true,
    maxBytes: 2048,
    ...options,
  });
  const run = async (outcome: Outcome, asked = call()): Promise<Record<string, unknown>> => {
    const next: Handle = bringing(() => {
      clock.advance(12.5);
      return outcome;
    });
    expect(await promised(layer(next))(asked)).toBe(outcome);
    clock.advance(0);
    return JSON.parse(lines.at(-1) ?? "");
  };
  return { clock, layer, lines, run };
}

const result = Payload.of({ content: [{ type: "text", text: "token: abc" }] });

it("writes one line about a call, without its secrets", async () => {
  const { lines, run } = setUp();
  await run({ kind: "done", result, route });
  expect(lines).toEqual([
    '{"ts":"1970-01-01T00:00:00.012Z","mono":12.5,"event":"call","agent":"cli/1","principal":"ann",' +
      '"method":"tools/call","target":"read","upstream":"files","attempts":2,"outcome":"ok","ms":12.5,' +
      '"request":{"name":"read","arguments":{"password":"[redacted]"}},' +
      '"response":{"content":[{"type":"text","text":"token: [redacted]"}]},"bytesIn":50,"bytesOut":49}',
  ]);
});

it("marks rounds of one call, and names the agent's trace", async () => {
  const { run } = setUp();
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const traced = Payload.of({ requestState: "sealed", _meta: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
  const asks: Outcome = { kind: "asks", questions: Payload.of({ q: {} }), ticket: "t", route };
  expect(await run(asks, call({ params: traced }))).toMatchObject({ round: true, trace, outcome: "asks" });
  const plain = await run({ kind: "done", result, route });
  expect(plain).not.toHaveProperty("round");
  expect(plain).not.toHaveProperty("trace");
  const forged = Payload.of({ _meta: { traceparent: '00-","x":"' } });
  expect(await run({ kind: "done", result, route }, call({ params: forged }))).not.toHaveProperty("trace");
});

it("hands the answer back before it redacts anything", async () => {
  const { clock, layer, lines } = setUp();
  await promised(layer(bringing((): Outcome => ({ kind: "done", result }))))(call());
  expect(lines).toEqual([]);
  clock.advance(0);
  expect(lines).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

it("writes at once what waits when it is flushed", async () => {
  const { layer, lines } = setUp();
  await Promise.all([1, 2, 3].map(() => promised(layer(bringing((): Outcome => ({ kind: "done", result }))))(call())));
  layer.flush();
  expect(lines).toHaveLength(3);
});

it("tells a tool's own error from a success", async () => {
  const { run } = setUp();
  expect(await run({ kind: "done", result: Payload.of({ isError: true }) })).toMatchObject({ outcome: "tool_error" });
  expect(await run({ kind: "done", result: Payload.of({ isError: false }) })).toMatchObject({ outcome: "ok" });
});

it("logs the questions of an upstream", async () => {
  const { run } = setUp();
  const questions = Payload.of({ q: { secret: "x" } });
  expect(await run({ kind: "asks", questions, ticket: "t", route })).toMatchObject({
    outcome: "asks",
    response: { q: { secret: "[redacted]" } },
  });
});

it("logs no bodies when it is told not to", async () => {
  const { run } = setUp({ logRequests: false, logResponses: false });
  const line = await run({ kind: "done", result });
  expect(line).not.toHaveProperty("request");
  expect(line).not.toHaveProperty("response");
  expect(line).toMatchObject({ bytesIn: 50, bytesOut: 49 });
});

it("shows of a large body the head, the size and the hash", async () => {
  const { run } = setUp({ maxBytes: 100 });
  const line = await run({ kind: "done", result: Payload.of({ text: "lorem ".repeat(1000) }) });
  expect(line.response).toMatchObject({ bytes: 6011, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

it("refuses what it could not log where that is wanted, and lets it run where it is not", async () => {
  const log = { write: () => {}, ready: false };
  let ran = 0;
  const next: Handle = bringing(() => {
    ran++;
    return { kind: "done", result };
  });
  expect(await promised(setUp({ log, blocks: true }).layer(next))(call())).toEqual({
    kind: "failed",
    failure: { kind: "unlogged" },
  });
  expect(ran).toBe(0);
  // What has begun is in the log, and refusing to end it would help nobody.
  const answer = { ...call(), params: Payload.of({ requestState: "t" }) };
  expect((await promised(setUp({ log, blocks: true }).layer(next))(answer)).kind).toBe("done");
  expect((await promised(setUp({ log, blocks: false }).layer(next))(call())).kind).toBe("done");
  expect((await promised(setUp({ log: { ...log, ready: true }, blocks: true }).layer(next))(call())).kind).toBe("done");
  expect(ran).toBe(3);
});

describe("of a failure", () => {
  const REASONS: readonly (readonly [Failure, string])[] = [
    [{ kind: "answered", error: Payload.of({ code: -32000, message: "no" }) }, "answered -32000"],
    [
      { kind: "upstream", ...route, fault: "timeout", delivery: "sent_unknown", detail: "https://u:p@h ?token=x" },
      "timeout (sent_unknown): https://[redacted]@h ?token=[redacted]",
    ],
    [{ kind: "rate_limited", retryAfterMs: 7, limit: 60 }, "rate_limited: again in 7 ms"],
    [{ kind: "unknown_name", what: "tool", name: "x", nearest: [] }, "unknown_name"],
    [{ kind: "internal", detail: "password=x" }, "internal: password=[redacted]"],
  ];
  it.each(REASONS)("it says why: %o", async (failure, reason) => {
    const { run } = setUp();
    expect(await run({ kind: "failed", failure })).toMatchObject({ outcome: "failed", reason });
  });

  it("it names the upstream also where there is no route", async () => {
    const { run } = setUp();
    expect(await run({ kind: "failed", failure: REASONS[1]![0] })).toMatchObject({ upstream: "files", attempts: 2 });
  });

  it("it logs a bug too and lets it through", async () => {
    const { clock, layer, lines } = setUp();
    const bug = new Error("oops");
    const throwing = (): never => {
      throw bug;
    };
    const outcome = await promised(inOrder([layer], throwing, broken))(call());
    expect(outcome).toMatchObject({ failure: { kind: "internal", cause: bug } });
    clock.advance(0);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ outcome: "failed", reason: "internal: Error: oops" });
  });
});

it("stays one line of JSON whatever agents, names and bodies hold", async () => {
  const { lines, run } = setUp();
  const params = Payload.of({ [NASTY]: NASTY });
  const asked = call({ agent: NASTY, method: NASTY, target: NASTY, params });
  const line = await run({ kind: "failed", failure: { kind: "internal", detail: NASTY } }, asked);
  expect(line).toMatchObject({ target: NASTY, request: { [NASTY]: NASTY } });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
});

it("removes secrets from the target", async () => {
  const { run } = setUp();
  const line = await run({ kind: "done", result }, call({ target: "https://bob:hunter2@h/x?api_key=abc" }));
  expect(line.target).toBe("https://[redacted]@h/x?api_key=[redacted]");
});

it("lets bodies go when too many are waiting, and says so", async () => {
  const { clock, layer, lines } = setUp();
  const large = Payload.of({ text: "x".repeat(3 * 1024 * 1024) });
  for (let count = 0; count < 4; count++)
    await promised(layer(bringing((): Outcome => ({ kind: "done", result: large }))))(call());
  clock.advance(0);
  const omitted = lines.map(line => (JSON.parse(line) as { omitted?: boolean }).omitted ?? false);
  expect(omitted).toEqual([false, false, true, true]);
});
