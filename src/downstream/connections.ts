import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Agents' connections, within a limit. */
export interface Connections {
  /** Whether some are beyond the limit. */
  readonly areCrowded: boolean;
  /** Whether this one is. It is let in for good as soon as another one has ended. */
  isOver(socket: Socket): boolean;
  readonly open: number;
}

/** Beyond the limit so many more are accepted, only to be told so; further ones are closed at once. */
const MARGIN = { part: 10, least: 8, most: 256 } as const;

export function limitConnections(server: Server, max: number): Connections {
  const over = new Set<Socket>();
  let open = 0;
  server.maxConnections = max + Math.min(MARGIN.most, Math.max(MARGIN.least, Math.ceil(max / MARGIN.part)));
  server.on("connection", (socket: Socket) => {
    open++;
    if (open > max) over.add(socket);
    socket.once("close", () => {
      open--;
      over.delete(socket);
    });
  });
  return {
    get areCrowded() {
      return over.size > 0;
    },
    get open() {
      return open;
    },
    isOver(socket) {
      if (!over.has(socket) || open - over.size >= max) return over.has(socket);
      over.delete(socket);
      return false;
    },
  };
}

/** How many streams may be open that never end by themselves: the rest is left for calls. */
export const streamsWithin = (maxConnections: number): number =>
  Math.max(1, maxConnections - Math.ceil(maxConnections / MARGIN.part));
