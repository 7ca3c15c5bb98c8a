import { randomBytes } from "node:crypto";
import type { Principal } from "../core/names.ts";
import type { Sealer } from "../core/ports.ts";

/** Sessions and streams end long before; what is older opens nothing in any process. */
const LIFE_MS = 24 * 60 * 60_000;

/** Ids of one session's streams, as they stand in front of the number of an event. */
export interface StreamIds {
  seal(stream: number): string;
  /** `undefined` for whatever was not sealed for this session. */
  open(sealed: string): number | undefined;
}

/** Ids that only the gateway can make or read, and that say to it whose they are. */
export interface SessionIds {
  /** No two are the same. */
  session(principal: Principal): string;
  streams(session: string, principal: Principal): StreamIds;
}

export function createSessionIds(sealer: Sealer): SessionIds {
  /** The process that holds the sessions: no other could go on with them. */
  const owner = randomBytes(12).toString("base64url");

  return {
    session: principal =>
      sealer.seal(
        { purpose: "session", principal: "", about: "", expiresInMs: LIFE_MS },
        JSON.stringify([owner, principal]),
      ),
    streams(session, principal) {
      const context = { purpose: "events", principal, about: session };
      return {
        seal: stream => sealer.seal({ ...context, expiresInMs: LIFE_MS }, String(stream)),
        open(sealed) {
          const opened = sealer.open(context, sealed);
          return opened.ok ? Number(opened.text) : undefined;
        },
      };
    },
  };
}
