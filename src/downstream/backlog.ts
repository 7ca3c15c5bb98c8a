import type { Behind, Room } from "../core/call.ts";
import type { Clock } from "../core/ports.ts";
import type { Outbound } from "./outbound.ts";

export const BACKLOG = {
  /** From here on whoever fills a stream is asked to wait. */
  pauseBytes: 256 * 1024,
  /** A stream on which so much waits gets nothing more: it is cut off. One larger message may still wait alone. */
  maxBytes: 1024 * 1024,
  /** What may wait for all agents together; beyond it, whoever has been behind for longest is cut off. */
  totalBytes: 48 * 1024 * 1024,
  /** An agent that has taken nothing for so long is cut off. */
  stallMs: 30_000,
} as const;

export type BacklogLimits = { readonly [Limit in keyof typeof BACKLOG]: number };

/** Writes to agents, within what they read: nobody's memory grows because somebody does not. */
export interface Backlog {
  /** Writes to a response that goes on. */
  write(response: Outbound, parts: readonly Buffer[]): Room;
  /** Nothing follows for now, or at all: what the agent has not taken is watched until it has. */
  written(response: Outbound): void;
  /** What waits for those that are behind. */
  readonly bytes: number;
}

/** How often we look, while an agent is behind, whether it has taken something. */
const LOOKS = 10;

interface Slow extends Behind {
  bytes: number;
}

export function createBacklog(clock: Clock, limits: Partial<BacklogLimits> = {}): Backlog {
  const { pauseBytes, maxBytes, totalBytes, stallMs } = { ...BACKLOG, ...limits };
  const stepMs = stallMs / LOOKS;
  /** Whoever has been behind for longest comes first. */
  const behind = new Map<Outbound, Slow>();
  let bytes = 0;

  function note(response: Outbound): Behind {
    const slow = behind.get(response) ?? watch(response);
    behind.set(response, slow);
    bytes += response.writableLength - slow.bytes;
    slow.bytes = response.writableLength;
    for (const slowest of behind.keys()) {
      if (bytes <= totalBytes) break;
      cut(slowest);
    }
    return slow;
  }

  /**
   * The socket's own timer knows of every byte that goes out, which is seen nowhere else: when its time is over and
   * something has gone, it begins anew and says nothing. As it does the first time, for what the kernel took at once,
   * its time is only a part of what an agent has.
   */
  function watch(response: Outbound): Slow {
    const waiting: (() => void)[] = [];
    let lookedAt = clock.now();
    let quietSince = lookedAt;
    let length = response.writableLength;
    const look = (): void => {
      const now = clock.now();
      const begunAnew = now - lookedAt > 1.9 * stepMs;
      if (begunAnew || response.writableLength < length) quietSince = now - stepMs;
      lookedAt = now;
      length = response.writableLength;
      if (now - quietSince >= stallMs) cut(response);
      else response.setTimeout(stepMs);
    };
    const over = (): void => {
      for (const event of OVER) response.removeListener(event, over);
      response.removeListener("timeout", look);
      // After its end the socket belongs to the next request.
      if (!response.writableEnded) response.setTimeout(0);
      forget(response);
      for (const run of waiting) run();
    };
    for (const event of OVER) response.on(event, over);
    response.setTimeout(stepMs, look);
    return { bytes: 0, caughtUp: run => void waiting.push(run) };
  }

  function forget(response: Outbound): void {
    bytes -= behind.get(response)?.bytes ?? 0;
    behind.delete(response);
  }

  function cut(response: Outbound): void {
    forget(response);
    response.destroy();
    // One that waits for an earlier answer has no socket of its own yet, and would keep all that was written.
    response.req.socket.destroy();
  }

  return {
    get bytes() {
      return bytes;
    },
    write(response, parts) {
      if (response.destroyed || response.writableEnded) return undefined;
      if (response.writableLength > maxBytes) {
        cut(response);
        return undefined;
      }
      for (const part of parts) response.write(part);
      return response.writableLength > pauseBytes ? note(response) : undefined;
    },
    written(response) {
      // Of a response that goes on, only one that asked to wait tells when it has caught up.
      const tells = response.writableEnded || response.writableNeedDrain;
      if (tells && response.writableLength > 0 && !response.destroyed) note(response);
    },
  };
}

const OVER = ["drain", "finish", "close"] as const;
