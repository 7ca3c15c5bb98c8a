import type { Transport } from "./transport.ts";

/** For an upstream that cannot be reached with what the environment says: every exchange ends with this error, unsent. */
export function refuseTransport(error: Error): Transport {
  return {
    start(exchange) {
      setImmediate(() => {
        if (!exchange.isOver) exchange.fail(error);
      });
    },
    close: async () => {},
  };
}
