import type { Socket } from "node:net";
import { Aborter, type Signal } from "../core/signal.ts";
import type { Inbound } from "./inbound.ts";

/**
 * Signals that fire when an agent's connection is closed, by which it gives up whatever it still waits for. One for
 * each connection, shared by its requests: one for each request costs more than all the rest of a small call.
 */
export function goneSignals(): (request: Pick<Inbound, "socket">) => Signal {
  const signals = new WeakMap<Socket, Signal>();
  return ({ socket }) => {
    const known = signals.get(socket);
    if (known) return known;
    const gone = new Aborter();
    if (socket.destroyed) gone.abort();
    else socket.once("close", () => gone.abort());
    signals.set(socket, gone.signal);
    return gone.signal;
  };
}
