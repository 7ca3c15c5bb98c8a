import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { roomyLedger } from "../../test/fixtures/ledger.ts";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { systemClock } from "../lib/clock.ts";
import { createBacklog } from "./backlog.ts";
import type { OwnStream } from "./outbox.ts";
import type { Session } from "./session.ts";
import { openStream } from "./session-stream.ts";
import type { Sessions } from "./sessions.ts";
import { createStreams } from "./streams.ts";
import type { Visit } from "./visit.ts";

test("a stream whose place another one has taken does not wait for ever for an agent that does not read", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const agent = connect((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
  onTestFinished(() => void agent.destroy());
  agent.pause().write("GET /mcp HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n");
  const [request, response] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  let own: OwnStream | undefined;
  const attach = (stream: OwnStream) => {
    own = stream;
    return () => {};
  };
  const backlog = createBacklog(systemClock, { stallMs: 200 });
  const ledger = roomyLedger();
  const visit: Visit = { request, response, view: { kind: "all" }, late: undefined, broke: () => {} };
  openStream(visit, { id: "s", attach } as unknown as Session, {
    ledger,
    sessions: { holdStream: () => () => {} } as unknown as Sessions,
    streams: createStreams({ ledger, clock: manualClock(), backlog, maxEndless: 10 }),
    backlog,
  });
  // Until the kernel takes no more.
  while (response.writableLength < 128 * 1024) {
    own?.send(Buffer.alloc(64 * 1024, 0x20));
    await new Promise(setImmediate);
  }
  expect(backlog.bytes).toBe(0);
  own?.end();
  await once(response, "close");
  expect(backlog.bytes).toBe(0);
});
