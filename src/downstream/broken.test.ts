import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { modernAgent } from "../../test/fixtures/agents/http.ts";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { echoed, type FakeFrontOptions, fakeFront } from "../../test/fixtures/front/fake-front.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";
import type { Json } from "../../test/fixtures/front/session.ts";
import { awaited, broken, type Call, type Notice, type Outcome } from "../core/call.ts";
import { inOrder } from "../core/pass.ts";
import type { Payload } from "../core/payload.ts";
import { serveStdio } from "./stdio.ts";

/** Where a bug of ours may be, each as what an upstream's part does with a call. */
const BUGS: Readonly<Record<string, (call: Call) => Outcome | Promise<Outcome>>> = {
  "a layer": call =>
    awaited(
      inOrder(
        [],
        () => {
          throw new Error("a bug");
        },
        broken,
      ),
      call,
    ),
  "what an answer is written from": () => ({ kind: "done", result: {} as Payload }),
  "what a notice is written from": call => {
    call.notify({ method: "notifications/message" } as Notice);
    return echoed;
  },
};

/** The first call runs into the bug, all others do not. */
function options(bug: (call: Call) => Outcome | Promise<Outcome>, troubles: unknown[]): FakeFrontOptions {
  return {
    handle: (call, round) => (round === 1 ? bug(call) : echoed),
    trouble: error => void troubles.push(error),
  };
}

const INTERNAL = { code: -32603 };
const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
const RUN = { name: "run", arguments: {} };

/** Both revisions on one pipe. */
function pipe(given: FakeFrontOptions) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const inbox = createInbox<Json>();
  output.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString().split("\n")) if (line !== "") inbox.push(JSON.parse(line));
  });
  const served = serveStdio({ front: fakeFront(given), input, output });
  onTestFinished(async () => {
    input.end();
    await served.ended;
    served.close();
  });
  return (id: unknown, method: string, params: Json): Promise<Json> => {
    input.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return inbox.next(one => one.id === id);
  };
}

describe.each(Object.entries(BUGS))("a bug in %s", (_where, bug) => {
  test("costs an agent over HTTP this call, and no other", async () => {
    const troubles: unknown[] = [];
    const { url } = await httpFront(options(bug, troubles));
    const agent = modernAgent(url);
    expect((await agent.request("tools/call", RUN)).message?.error).toMatchObject(INTERNAL);
    expect((await agent.request("tools/call", RUN)).message?.error).toBeUndefined();
    expect(troubles).toHaveLength(1);
  });

  test("costs an agent with a session this call, and no other", async () => {
    const troubles: unknown[] = [];
    const { agent } = await httpFront(options(bug, troubles));
    const opened = await agent("2025-11-25");
    expect((await opened.request("tools/call", RUN)).message?.error).toMatchObject(INTERNAL);
    expect(troubles).toHaveLength(1);
    expect((await opened.request("tools/call", RUN)).message?.error).toBeUndefined();
    await opened.close();
  });

  test("costs an agent on a pipe this call, and no other", async () => {
    const troubles: unknown[] = [];
    const ask = pipe(options(bug, troubles));
    expect((await ask(1, "tools/call", { ...RUN, _meta: META })).error).toMatchObject(INTERNAL);
    expect((await ask(2, "tools/call", { ...RUN, _meta: META })).error).toBeUndefined();
    expect(troubles).toHaveLength(1);
  });
});
