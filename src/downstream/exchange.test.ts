import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { systemClock } from "../lib/clock.ts";
import { createAnswers } from "./answers.ts";
import { createBacklog } from "./backlog.ts";
import { postExchange, streamExchange } from "./exchange.ts";

/** A response on its way to a client that reads it. */
async function withResponse(use: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => use(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    return await (await fetch(`http://127.0.0.1:${port}/`)).text();
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

it("says nothing more on a stream that was ended, whoever still has something to say", async () => {
  const text = await withResponse(response => {
    const stream = streamExchange(response, createBacklog(systemClock));
    response.writeHead(200, { "content-type": "text/event-stream" });
    stream.send(Buffer.from('{"first":1}'));
    response.end();
    stream.send(Buffer.from('{"late":1}'));
  });
  expect(text).toContain("first");
  expect(text).not.toContain("late");
});

it.each([true, false])(
  "takes what comes after the answer for what it is: too late (as a stream: %s)",
  async streamed => {
    const backlog = createBacklog(systemClock);
    const text = await withResponse(response => {
      const exchange = postExchange(response, {
        statusOf: () => 200,
        headers: {},
        backlog,
        send: createAnswers(backlog),
      });
      if (streamed) exchange.notify(Buffer.from('{"before":1}'));
      exchange.result(Buffer.from("1"), Payload.of({ found: true }));
      exchange.notify(Buffer.from('{"late":1}'));
      exchange.result(Buffer.from("1"), Payload.of({ late: true }));
      exchange.abandon();
    });
    expect(text.includes("before")).toBe(streamed);
    expect(text).toContain("found");
    expect(text).not.toContain("late");
  },
);
