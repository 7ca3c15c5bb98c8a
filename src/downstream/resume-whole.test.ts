import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { keeper, roomyLedger } from "../../test/fixtures/ledger.ts";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { systemClock } from "../lib/clock.ts";
import { createBacklog } from "./backlog.ts";
import { shareEvents } from "./event-share.ts";
import { createEventRing, RING } from "./resume.ts";
import { responseSink } from "./session-post.ts";

const MESSAGE = Buffer.from(JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress" }));

test("an agent that lost its stream gets everything that is kept, in however many messages", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const ids = { seal: String, open: Number };
  const share = shareEvents(roomyLedger(), keeper());
  const { open } = createEventRing({ clock: manualClock(), share, ids });
  const stream = open();
  let sent = 0;
  for (let bytes = 0; bytes < RING.maxBytes - 1_000; sent++) {
    stream.send(MESSAGE);
    bytes += `id: 1.${sent + 1}\ndata: ${MESSAGE}\n\n`.length;
  }
  const agent = connect((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
  agent.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const [, response] = (await once(server, "request")) as [unknown, ServerResponse];
  response.writeHead(200, { "content-type": "text/event-stream" });
  let text = "";
  agent.on("data", chunk => {
    text += chunk;
  });
  stream.attach(responseSink(response, createBacklog(systemClock)), 0);
  stream.end();
  await once(response, "close");
  await expect.poll(() => text.split("notifications/progress").length - 1).toBe(sent);
});
