import { describe, expect, test, vi } from "vitest";
import { shell, watchedChildren } from "../../../test/fixtures/children.ts";
import { peer, stdioChannels } from "../../../test/fixtures/stdio-channel.ts";
import type { Reply } from "../channel/channel.ts";

const { env, running } = watchedChildren();
const openChannel = stdioChannels();
const open = (onMessage: string, options = {}) => openChannel({ ...peer(onMessage), env }, options);
const openShell = (code: string, options = {}) => openChannel({ ...shell(code), env }, options);
const value = (reply: Reply): unknown => (reply.kind === "result" ? reply.result.value() : reply);

test("a bug that a child's words run into costs that child, and nobody else", async () => {
  const { call, closed } = open(`
    console.log(JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: id } }));
    reply(id, {})`);
  const onMessage = (): void => {
    throw new TypeError("a bug");
  };
  expect(await call({}, { onMessage })).toMatchObject({ kind: "failed", fault: "connection_lost" });
  expect(await closed).toContain("a bug of its own");
});

describe("a child that dies", () => {
  test.each([
    ["with code 0", "process.exit(0)", /exited with code 0/],
    ["with code 1 and last words", "console.error('boom'); process.exit(1)", /exited with code 1; last lines.*boom/],
    ["by a signal", "process.kill(process.pid, 'SIGKILL')", /was killed by SIGKILL/],
  ])("%s in the middle of a call: its outcome is unknown", async (_, code, detail) => {
    const { call, closed, channel } = open(code);
    expect(await call({})).toMatchObject({ fault: "connection_lost", delivery: "sent_unknown" });
    expect(await closed).toMatch(detail);
    expect(await call({})).toMatchObject({ fault: "unreachable", delivery: "not_sent" });
    expect(channel.child.pid).toBeGreaterThan(0);
  });

  test("right after its answer has still answered", async () => {
    const { call, closed } = open("reply(id, { done: true }); process.exit(1)");
    expect(value(await call({}))).toEqual({ done: true });
    await closed;
  });

  test("at once leaves what it printed instead of messages", async () => {
    const { closed } = openShell("echo 'usage: server [--stdio]'; exit 2");
    expect(await closed).toMatch(/exited with code 2; it printed, instead of JSON-RPC: usage: server/);
  });

  test("of which nothing could be started fails what waits as never sent", async () => {
    const { call, closed, channel } = openChannel({ command: "none-such", args: [], env });
    expect(await call({})).toMatchObject({ fault: "misconfigured", delivery: "not_sent" });
    expect(await closed).toContain('"none-such" was not found');
    expect([channel.child.pid, channel.child.stderr()]).toEqual([undefined, []]);
  });

  test("without reading what it was asked is remembered by how it ended, not by what that looked like", async () => {
    const { call, closed } = openShell("exec 0<&-; echo 'no key' >&2; exit 3");
    await call({});
    await closed;
    expect(await call({})).toMatchObject({
      ...{ fault: "unreachable", delivery: "not_sent" },
      detail: expect.stringMatching(/exited with code 3.*no key/),
    });
  });

  test("takes its descendants with it", async () => {
    const { closed } = openShell("sleep 100 & sleep 100 & exit 1");
    await closed;
    expect(running()).toEqual([]);
  });
});

describe("garbage on stdout", () => {
  test("is skipped, counted and the last of it kept", async () => {
    const { channel, call } = open(`
      print("Server listening…"); print("\\u001b[32mINFO\\u001b[0m ready"); print("[1,2]"); print('{"jsonrpc":"2.0",');
      print('{"level":"info"}'); print("\\ufeff" + JSON.stringify({ jsonrpc: "2.0", id, result: { ok: 1 } }) + "\\r")`);
    expect(value(await call({}))).toEqual({ ok: 1 });
    expect(channel.counts()).toMatchObject({ noise: 5, invalidUtf8: 0, lastNoise: '{"level":"info"}' });
  });

  test("that is an answer and not UTF-8 ends the call that it answers, whatever comes later", async () => {
    const { channel, call } = open(`
      const bad = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":' + id + ',"result":{"x":"'), Buffer.from([0xff, 0xfe])]);
      process.stdout.write(Buffer.concat([bad, Buffer.from('"}}\\n')])); reply(id, { good: true })`);
    expect(await call({})).toMatchObject({ kind: "failed", fault: "protocol_error", delivery: "answered" });
    expect(channel.counts()).toMatchObject({ noise: 0, invalidUtf8: 1 });
  });

  const long = '"x".repeat(100)';
  test.each([
    ["a broken escape", `'"result":{"text":"' + ${long} + '\\\\q"}'`],
    ["half an escape", `'"result":{"text":"' + ${long} + '\\\\u12"}'`],
    ["a control character", `'"result":{"text":"' + ${long} + '\\u0001"}'`],
    ["two results", `'"result":{},"Result":{}'`],
    ["one member twice", `'"result":{"a":1,"a":2}'`],
    ["a number that is none", `'"result":{"a":01}'`],
    ["more depth than anybody reads", `'"result":{"a":' + "[".repeat(200) + "]".repeat(200) + '}'`],
  ])("that is an answer with %s ends the call that it answers, and no other", async (_, members) => {
    for (const print of [
      `'{"jsonrpc":"2.0","id":' + id + ',' + M + '}'`,
      `'{"jsonrpc":"2.0",' + M + ',"id":' + id + '}'`,
    ]) {
      const { call } = open(`const M = ${members}; if (id === 1) print(${print}); else reply(id, { good: true })`);
      const [first, second] = await Promise.all([call({}), call({})]);
      expect(first).toMatchObject({ kind: "failed", fault: "protocol_error", delivery: "answered" });
      expect(value(second)).toEqual({ good: true });
    }
  });

  test("in a flood is read at a bounded rate", async () => {
    const begin = performance.now();
    const { channel, firstMessage } = openShell(
      `yes noise & sleep 0.5; kill $!; echo; echo '{"jsonrpc":"2.0","method":"done"}'; exec cat`,
    );
    await firstMessage;
    const windows = (performance.now() - begin) / 100 + 1;
    // One chunk may hold more than the budget: 64 KiB of short lines.
    expect(channel.counts().noise).toBeLessThan(windows * 20_000);
    expect(channel.counts().noise).toBeGreaterThan(5_000);
  });
});

describe("a message that is too large", () => {
  const limit = { maxMessageBytes: 1_000 };
  const LARGE = '"x".repeat(100_000)';

  test.each([
    ["its id first", `print('{"jsonrpc":"2.0","id":' + id + ',"result":{"text":"' + ${LARGE} + '"}}')`],
    ["its id last", `print('{"result":{"text":"' + ${LARGE} + '","id":2},"jsonrpc":"2.0","id":' + id + '}')`],
  ])("ends the call that it answers, and no other (%s)", async (_, print) => {
    const { call, channel, endings } = open(
      `if (id === 1) { ${print}; } else if (id === 2) reply(id, { done: id })`,
      limit,
    );
    const [first, second] = await Promise.all([call({}), call({})]);
    expect(first).toMatchObject({ fault: "too_large", delivery: "answered", detail: expect.stringContaining("1000") });
    expect(value(second)).toEqual({ done: 2 });
    const { pid } = channel.child;
    expect(await Promise.all([call({ more: 1 }, { timeoutMs: 200, maxTimeoutMs: 200 })])).toMatchObject([
      { fault: "timeout" },
    ]);
    expect([endings, channel.child.pid]).toEqual([[], pid]);
  });

  test("ends its call while its end has not come", async () => {
    const { call } = open(`process.stdout.write('{"jsonrpc":"2.0","id":1,"result":{"text":"' + ${LARGE})`, limit);
    expect(await call({})).toMatchObject({ fault: "too_large", delivery: "answered" });
  });

  test("ends the only call where it does not say whose it is", async () => {
    const { call } = open(`print('{"' + ${LARGE})`, limit);
    expect(await call({})).toMatchObject({ fault: "too_large", delivery: "sent_unknown" });
  });

  test.each(["notifications/message", "sampling/createMessage"])(
    "is passed over when it is none (%s)",
    async method => {
      const { call, channel, messages } = open(
        `print(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "${method}", params: { text: ${LARGE} } })); reply(id, {})`,
        limit,
      );
      expect(value(await call({}))).toEqual({});
      expect([messages, channel.counts().dropped]).toEqual([[], 1]);
    },
  );

  test("is none of thirty megabytes; such a one arrives quickly", async () => {
    const { call } = open(`reply(id, { text: "x".repeat(params.bytes) })`);
    const reply = await call({ bytes: 30_000_000 });
    expect(reply.kind === "result" && reply.result.size).toBeGreaterThan(30_000_000);
  });
});

describe("a child that does not read its input", () => {
  test("is overloaded beyond the queue, then ended; nothing was sent", async () => {
    const { call, closed } = openShell("exec sleep 100", { stallMs: 300 });
    const large = call({ text: "x".repeat(1_500_000) });
    expect(await call({ text: "y" })).toMatchObject({ fault: "overloaded", delivery: "not_sent" });
    expect(await large).toMatchObject({ fault: "overloaded", delivery: "not_sent" });
    expect(await closed).toMatch(/did not read its input for 300 ms/);
    expect(await call({})).toMatchObject({ delivery: "not_sent" });
  });

  test("may have got what fitted into the pipe", async () => {
    const { call } = openShell("exec sleep 100", { stallMs: 300 });
    const small = call({ text: "small" });
    await new Promise<void>(resolve => setImmediate(() => setImmediate(resolve)));
    const large = call({ text: "x".repeat(900_000) });
    expect(await small).toMatchObject({ fault: "connection_lost", delivery: "sent_unknown" });
    expect(await large).toMatchObject({ fault: "overloaded", delivery: "not_sent" });
  });

  test("because it closed it is ended; what could not be delivered was not sent", async () => {
    const { call, closed, firstMessage } = openShell(
      `exec 0<&-; echo '{"jsonrpc":"2.0","method":"up"}'; exec sleep 100`,
    );
    await firstMessage;
    expect(await call({})).toMatchObject({ fault: "connection_lost", delivery: "not_sent" });
    expect(await closed).toBe('"/bin/sh" closed its stdin');
  });
});

test("a child that floods stderr still answers", async () => {
  const { call, channel } = open(
    "const flood = () => { while (process.stderr.writableLength < 1e6) process.stderr.write('x'.repeat(9999) + '\\n'); }; flood(); reply(id, { fine: true })",
  );
  expect(value(await call({}))).toEqual({ fine: true });
  await call({});
  expect(channel.child.stderr().length).toBeGreaterThan(0);
  expect(channel.child.stderr().length).toBeLessThanOrEqual(100);
});

test("a child that ignores every polite request is gone within the times", async () => {
  const { channel, call, closed } = open("process.on('SIGTERM', () => {}); setInterval(() => {}, 1e3); reply(id, {})");
  await call({});
  const begin = performance.now();
  await channel.close();
  expect(performance.now() - begin).toBeLessThan(1_500);
  expect(await closed).toBe("stopped");
  expect(running()).toEqual([]);
});

test("twenty reconnects through wrappers leave nothing behind", async () => {
  for (let round = 0; round < 20; round++) {
    const { channel, firstMessage } = openShell(`sleep 100 & echo '{"jsonrpc":"2.0","method":"up"}'; wait`, {
      stopTimes: { endOfInputMs: 5, terminateMs: 200, killMs: 750 },
    });
    await firstMessage;
    await vi.waitFor(() => expect(running().length).toBe(2));
    await channel.close();
    expect(running()).toEqual([]);
  }
});
