import { setMaxListeners } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/**
 * Signals that fire when an agent's connection is closed, by which it gives up whatever it still waits for. One for
 * each connection, shared by its requests: one for each request costs more than all the rest of a small call.
 */
export function goneSignals(): (request: IncomingMessage) => AbortSignal {
  const signals = new WeakMap<Socket, AbortSignal>();
  return ({ socket }) => {
    const known = signals.get(socket);
    if (known) return known;
    const gone = new AbortController();
    // As many as there are requests on their way.
    setMaxListeners(0, gone.signal);
    if (socket.destroyed) gone.abort();
    else socket.once("close", () => gone.abort());
    signals.set(socket, gone.signal);
    return gone.signal;
  };
}
