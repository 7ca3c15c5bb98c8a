import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask } from "../../src/app/control/client.ts";
import { localClient } from "../../src/app/control/local-gateway.ts";
import { LIMITS, OPS } from "../../src/app/control/protocol.ts";
import { remoteClient } from "../../src/app/control/remote-gateway.ts";
import { type ControlServer, type ControlTarget, serveControl } from "../../src/app/control/server.ts";
import { Payload } from "../../src/core/payload.ts";
import { Aborter } from "../../src/core/signal.ts";
import { type Fake, fakeGateway, upstream } from "./fake-gateway.ts";

let folder: string;
let path: string;
let fake: Fake;
let target: ControlTarget;
let server: ControlServer;
const stops: number[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "rad-control-"));
  path = join(folder, "sockets", "x.sock");
  fake = fakeGateway();
  target = {
    client: localClient(fake.gateway),
    stop: async graceMs => {
      stops.push(graceMs);
      return { tookMs: 7, cut: 1 };
    },
    reload: async () => ({ ok: true, changes: ["a", "b"] }),
  };
  server = await serveControl(path, target);
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const record = () => ({
  pid: process.pid,
  startTime: "1",
  configPath: null,
  version: "1",
  startedAt: "",
  socket: path,
  address: null,
  flags: [],
});

/** What is answered to these bytes. */
async function raw(bytes: string): Promise<unknown> {
  const socket = connect(path);
  socket.on("error", () => {});
  socket.write(bytes);
  return JSON.parse(await text(socket));
}

describe("the control socket", () => {
  it("can be reached by nobody else", () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "sockets")).mode & 0o777).toBe(0o700);
  });

  it("keeps its protocol", async () => {
    expect(OPS).toEqual(["status", "stop", "reload", "catalog", "call", "test"]);
    expect(await raw('{"v":1,"op":"reload"}\n')).toEqual({ v: 1, ok: true, result: { ok: true, changes: ["a", "b"] } });
  });

  it.each([
    ["no JSON", "hello\n", "badRequest"],
    ["an unknown operation", '{"v":1,"op":"reboot"}\n', "badRequest"],
    ["another version of the protocol", '{"v":2,"op":"status"}\n', "otherVersion"],
    ["a request that is too large", `{"v":1,"op":"status","x":"${"x".repeat(LIMITS.requestBytes)}"}\n`, "tooLarge"],
    ["a call that is too large", "x".repeat(LIMITS.callBytes + 1), "tooLarge"],
  ])("answers %s with an error", async (_, request, name) => {
    expect(await raw(request)).toMatchObject({ v: 1, ok: false, error: { name } });
  });

  it("takes the place of a socket that a crash left behind", async () => {
    const other = join(folder, "sockets", "old.sock");
    writeFileSync(other, "");
    const second = await serveControl(other, target);
    expect(await ask(other, { op: "reload" })).toMatchObject({ kind: "answer" });
    await second.close();
  });

  it("answers what runs before it closes", async () => {
    let finish: () => void = () => {};
    const begun = new Promise<void>(called => {
      target.client.status = async () => {
        called();
        await new Promise<void>(resolve => {
          finish = resolve;
        });
        return fake.gateway.status();
      };
    });
    const answer = ask(path, { op: "status" });
    await begun;
    const closed = server.close();
    finish();
    expect(await answer).toMatchObject({ kind: "answer" });
    await closed;
  });
});

describe("a gateway behind the socket", () => {
  it("tells what one in this process tells", async () => {
    const remote = remoteClient(record());
    expect(await remote.status({ waitMs: 0 })).toEqual(fake.gateway.status());
    expect(await remote.catalog({ waitMs: 0 })).toEqual(await target.client.catalog({ waitMs: 0 }));
    expect(await remote.test({ waitMs: 0 })).toEqual(await target.client.test({ waitMs: 0 }));
    expect(await remote.stop(1234)).toEqual({ tookMs: 7, cut: 1 });
    expect(stops.at(-1)).toBe(1234);
  });

  it("passes arguments and results as the bytes they are", async () => {
    const result = Payload.parse('{"content" : [],\n "n": 12345678901234567890, "x":{"\\u00e9":1.0}}');
    fake.answer = async () => ({ kind: "done", result });
    const args = Payload.parse('{"big":98765432109876543210, "a":[1.50]}');
    const answer = await remoteClient(record()).call({
      name: "files_tool",
      args,
      signal: new Aborter().signal,
    });
    expect(fake.calls[0]?.params.raw("arguments")?.toString()).toBe('{"big":98765432109876543210, "a":[1.50]}');
    expect(answer.kind === "done" && answer.result.bytes.toString()).toBe(result.bytes.toString().replace("\n", " "));
  });

  it("cancels a call that nobody waits for any more", async () => {
    const wanted = new Aborter();
    const cancelled = new Promise<void>(resolve => {
      fake.answer = call =>
        new Promise(() => {
          call.signal.onAbort(() => resolve());
          wanted.abort();
        });
    });
    const args = Payload.of({});
    const answer = remoteClient(record()).call({ name: "files_tool", args, signal: wanted.signal });
    await expect(answer).rejects.toThrow("does not answer");
    await cancelled;
  });

  it("says why a call failed", async () => {
    fake.answer = async () => ({
      kind: "failed",
      failure: { kind: "unknown_name", what: "tool", name: "x", nearest: ["y"] },
    });
    const answer = await remoteClient(record()).call({
      name: "x",
      args: Payload.of({}),
      signal: new Aborter().signal,
    });
    expect(answer).toMatchObject({
      kind: "failed",
      failure: { reason: "unknown_name", message: "Unknown tool: x; did you mean y?" },
    });
  });

  it("that does not answer is told from one that is not there", async () => {
    const silent = join(folder, "silent.sock");
    const listener = createServer(socket => void socket.on("error", () => {}));
    await new Promise<void>(resolve => listener.listen(silent, resolve));
    expect(await ask(silent, { op: "status", timeoutMs: 20 })).toEqual({ kind: "silent" });
    expect(await ask(join(folder, "none.sock"), { op: "status" })).toMatchObject({ kind: "unreachable" });
    listener.close();
  });

  it("of another protocol version is named as such", async () => {
    const other = join(folder, "other.sock");
    const listener = createServer(socket => void socket.on("error", () => {}).end('{"v":9,"ok":true,"result":{}}\n'));
    await new Promise<void>(resolve => listener.listen(other, resolve));
    await expect(remoteClient({ ...record(), socket: other }).status({ waitMs: 0 })).rejects.toThrow("version 9");
    listener.close();
  });

  it("measures how long an upstream took to connect", async () => {
    fake.change(upstream({ name: "files", state: "connecting" }));
    fake.change(upstream({ name: "files" }));
    const { upstreams } = await target.client.test({ waitMs: 0 });
    expect(upstreams[0]?.tookMs).toBeTypeOf("number");
  });
});
