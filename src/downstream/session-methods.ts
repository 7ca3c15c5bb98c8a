import { Payload } from "../core/payload.ts";
import type { CallAnswer } from "../wire/era.ts";
import { isLogLevel } from "../wire/methods.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import type { Watches } from "./watches.ts";

type OwnMethod = (params: Payload) => CallAnswer | Promise<CallAnswer>;

const DONE: CallAnswer = { kind: "result", result: Payload.of({}) };

/** What a session answers by itself. */
export function sessionMethods(session: {
  watches: Watches;
  setLogLevel(level: string): void;
}): ReadonlyMap<string, OwnMethod> {
  const { watches, setLogLevel } = session;
  return new Map<string, OwnMethod>([
    ["ping", () => DONE],
    ["initialize", () => refused(CODES.invalidRequest, "This session is already initialized")],
    [
      "logging/setLevel",
      params => {
        const level = params.string("level") ?? "";
        if (!isLogLevel(level)) return refused(CODES.invalidParams, `Unknown log level: ${level}`);
        setLogLevel(level);
        return DONE;
      },
    ],
    ["resources/subscribe", withUri(watches.add)],
    [
      "resources/unsubscribe",
      withUri(uri => {
        watches.remove(uri);
        return DONE;
      }),
    ],
  ]);
}

const withUri =
  (run: (uri: string) => CallAnswer | Promise<CallAnswer>): OwnMethod =>
  params => {
    const uri = params.string("uri");
    return uri === undefined ? refused(CODES.invalidParams, "params.uri must be a string") : run(uri);
  };

const refused = (code: number, message: string): CallAnswer => ({ kind: "error", error: wireError(code, message) });
