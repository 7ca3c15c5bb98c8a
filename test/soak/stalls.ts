import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** What the kernel knows of connections on which nobody reads. */
export interface Stalls {
  /** To be called again and again. */
  look(): void;
  /** How many the other side had not closed at the last look. */
  open(): number;
  /** The longest time for which one was open without a byte that moved. */
  longestMs(): number;
}

const ESTABLISHED = "01";

/** Of connections to a port of this machine. */
export function watchStalls(port: number, sockets: readonly Socket[]): Stalls {
  const since = new Map<number, { queue: string; at: number }>();
  let open = sockets.length;
  let longestMs = 0;

  return {
    open: () => open,
    longestMs: () => longestMs,
    look() {
      const now = performance.now();
      const queues = queuesAt(port);
      open = 0;
      for (const { localPort = 0 } of sockets) {
        const queue = queues.get(localPort);
        if (queue === undefined) continue;
        open++;
        const before = since.get(localPort);
        // What waits to be sent grows until the kernel takes no more.
        if (before?.queue !== queue) since.set(localPort, { queue, at: now });
        else if (!queue.startsWith("00000000")) longestMs = Math.max(longestMs, now - before.at);
      }
    },
  };
}

/** What waits in the connections of a port, by the port of the other side. */
function queuesAt(port: number): Map<number, string> {
  const [, ...rows] = readFileSync("/proc/net/tcp", "utf8").trim().split("\n");
  const portOf = (address = ""): number => Number.parseInt(address.split(":")[1] ?? "", 16);
  return new Map(
    rows.flatMap(row => {
      const [, local, remote, state, queues = ""] = row.trim().split(/\s+/);
      return state === ESTABLISHED && portOf(local) === port ? [[portOf(remote), queues]] : [];
    }),
  );
}
