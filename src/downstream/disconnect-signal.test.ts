import { once } from "node:events";
import { type Agent, createServer, type IncomingMessage, Agent as NodeAgent, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import type { Signal } from "../core/signal.ts";
import { goneSignals } from "./disconnect-signal.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Serves requests that are answered at once, except those to `/wait`. */
async function startServer(): Promise<{
  agent: Agent;
  get(path: string): Promise<Signal>;
  signals: Signal[];
}> {
  const signalOf = goneSignals();
  const signals: Signal[] = [];
  const heard: ((signal: Signal) => void)[] = [];
  const server = createServer((message, response) => {
    const signal = signalOf(message);
    signals.push(signal);
    heard.shift()?.(signal);
    if (message.url !== "/wait") response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const agent = new NodeAgent({ keepAlive: true, maxSockets: 1 });
  cleanups.push(
    () => server.close(),
    () => server.closeAllConnections(),
    () => agent.destroy(),
  );
  const get = (path: string): Promise<Signal> => {
    const came = new Promise<Signal>(resolve => heard.push(resolve));
    const sent = request({ host: "127.0.0.1", port, path, agent }).on("error", () => {});
    const answered = new Promise<void>(resolve =>
      sent.on("response", (response: IncomingMessage) => response.resume().on("end", resolve)),
    );
    sent.end();
    return path === "/wait" ? came : answered.then(() => came);
  };
  return { agent, get, signals };
}

it("is one signal for all requests of a connection and stays silent while that is open", async () => {
  const { get } = await startServer();
  const first = await get("/");
  const second = await get("/");
  expect(second).toBe(first);
  expect(first.aborted).toBe(false);
});

it("fires when the agent closes the connection in the middle of a request", async () => {
  const { agent, get } = await startServer();
  const signal = await get("/wait");
  const aborted = new Promise<void>(resolve => signal.onAbort(resolve));
  agent.destroy();
  await aborted;
  expect(signal.aborted).toBe(true);
});

it("takes any number of listeners without a word", async () => {
  const { get } = await startServer();
  const signal = await get("/");
  const warnings: unknown[] = [];
  const warned = (warning: unknown): void => void warnings.push(warning);
  process.on("warning", warned);
  for (let count = 0; count < 50; count++) signal.onAbort(() => {});
  await new Promise(setImmediate);
  process.removeListener("warning", warned);
  expect(warnings).toEqual([]);
});
