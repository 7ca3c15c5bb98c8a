import type { Readable, Writable } from "node:stream";
import type { Room } from "../core/call.ts";
import { BACKLOG } from "./backlog.ts";
import { asLine } from "./exchange.ts";

/**
 * Sends messages to the one agent on a pair of streams. While it does not read nothing is taken from it either, so that
 * what waits for it is bounded by what it had asked before.
 */
export function pipeTo(output: Writable, input: Readable): (message: Buffer) => Room {
  let waiting: (() => void)[] | undefined;

  function caughtUp(): void {
    const runs = waiting ?? [];
    waiting = undefined;
    output.removeListener("drain", caughtUp);
    output.removeListener("close", caughtUp);
    input.resume();
    for (const run of runs) run();
  }

  return message => {
    output.write(asLine(message));
    if (output.writableLength <= BACKLOG.pauseBytes) return undefined;
    if (!waiting) {
      waiting = [];
      input.pause();
      output.on("drain", caughtUp);
      output.on("close", caughtUp);
    }
    const behind = waiting;
    return { caughtUp: run => void behind.push(run) };
  };
}
