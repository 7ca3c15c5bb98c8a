import type { ServerResponse } from "node:http";
import type { Clock } from "../core/ports.ts";

const KEEP_ALIVE_MS = 15_000;
const COMMENT = ":\n\n";

/** Long-lived event streams towards agents: kept alive with comments, ended together. */
export interface Streams {
  /** `closed` is called once, when the stream is over for whatever reason. */
  keep(response: ServerResponse, closed: () => void): void;
  /** Ends them all. */
  stop(): void;
}

export function createStreams(clock: Clock): Streams {
  const open = new Set<ServerResponse>();
  let cancel = clock.after(KEEP_ALIVE_MS, beat);

  function beat(): void {
    for (const response of open) if (!response.writableNeedDrain) response.write(COMMENT);
    cancel = clock.after(KEEP_ALIVE_MS, beat);
  }

  return {
    keep(response, closed) {
      open.add(response);
      response.once("close", () => {
        open.delete(response);
        closed();
      });
    },
    stop() {
      cancel();
      for (const response of open) response.end();
    },
  };
}
