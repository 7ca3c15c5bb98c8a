import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { BodyRoom } from "./body-room.ts";
import { type StrictHost, StrictReader } from "./strict-reader.ts";
import type { StrictResponse } from "./strict-response.ts";

export interface StrictOptions {
  readonly bodies: BodyRoom;
  /** How often limits in time are looked after. */
  readonly intervalMs: number;
  readonly receive: StrictHost["receive"];
  readonly refuse: StrictHost["refuse"];
  /** What `node:http` gets with it came while an answer was on its way. */
  afterAnswer(socket: Socket): void;
}

/** The connections that are read strictly. */
export interface StrictConnections {
  /** Responses on it that are not over, in order. */
  responsesOn(socket: object): readonly StrictResponse[];
  /** Closes those that carry nothing now, and were used. */
  closeIdle(): void;
  closeAll(): void;
}

const DATE_EVERY_MS = 1_000;

/**
 * Has the connections of a new server read strictly first. Each is given to the server itself, which reads everything,
 * as soon as something else comes than plain POSTs.
 */
export function readStrictly(server: Server, options: StrictOptions): StrictConnections {
  // Made with the server: what reads a connection by `node:http`.
  const [readByNode] = server.listeners("connection") as [(this: Server, socket: Socket) => void];
  server.removeListener("connection", readByNode);
  const readers = new Map<object, StrictReader>();
  let date = "";
  let dateUntil = 0;
  const host: StrictHost = {
    bodies: options.bodies,
    receive: options.receive,
    refuse: options.refuse,
    now: () => performance.now(),
    get keepAliveMs() {
      return server.keepAliveTimeout;
    },
    date() {
      const now = Date.now();
      if (now >= dateUntil || now < dateUntil - DATE_EVERY_MS) {
        date = new Date(now).toUTCString();
        dateUntil = now - (now % DATE_EVERY_MS) + DATE_EVERY_MS;
      }
      return date;
    },
    handOver(socket, bytes, afterAnswer) {
      if (afterAnswer) options.afterAnswer(socket);
      readByNode.call(server, socket);
      socket.unshift(bytes);
    },
    left: ({ socket }) => void readers.delete(socket),
  };
  server.on("connection", (socket: Socket) => void readers.set(socket, new StrictReader(socket, host)));
  let sweep: NodeJS.Timeout | undefined;
  server.on("listening", () => {
    sweep = setInterval(look, options.intervalMs).unref();
  });
  server.on("close", () => clearInterval(sweep));

  function look(): void {
    const now = host.now();
    const { headersTimeout: headMs, requestTimeout: requestMs, keepAliveTimeout: idleMs } = server;
    for (const reader of [...readers.values()]) reader.look(now, { headMs, requestMs, idleMs });
  }

  return {
    responsesOn: socket => readers.get(socket)?.responses ?? [],
    closeIdle() {
      for (const reader of [...readers.values()]) if (reader.isIdle) reader.socket.destroy();
    },
    closeAll() {
      for (const { socket } of [...readers.values()]) socket.destroy();
    },
  };
}
