import type { Transport } from "./transport.ts";

/** For an upstream that cannot be reached with what the environment says: every exchange ends with this error, unsent. */
export function refuseTransport(error: Error): Transport {
  return {
    start(_request, receiver) {
      let abandoned = false;
      setImmediate(() => {
        if (!abandoned) receiver.broken(error);
      });
      return {
        abandon() {
          abandoned = true;
        },
        pause: () => {},
        resume: () => {},
      };
    },
    close: async () => {},
  };
}
