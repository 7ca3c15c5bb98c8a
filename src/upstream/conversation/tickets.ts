import type { Call, Ticket } from "../../core/call.ts";
import { Payload } from "../../core/payload.ts";

/** The way back to a question: a call that still runs at the upstream, or what the upstream wants to be reminded of. */
export type Point =
  | { readonly kind: "parked"; readonly id: string }
  /** `converses`: whether it was asked in a conversation, where alone the answers lead on. */
  | { readonly kind: "state"; readonly state: string | undefined; readonly converses: boolean };

export const parkedTicket = (id: string): Ticket => JSON.stringify({ kind: "parked", id });

export const stateTicket = (state: string | undefined, converses: boolean): Ticket =>
  JSON.stringify({ kind: "state", state: state ?? null, converses });

/** Whether the call goes on with one that still runs at its upstream. */
export const isParked = ({ continues }: Call): boolean =>
  continues !== undefined && readTicket(continues.ticket)?.kind === "parked";

/** `undefined` for what was not made here. */
export function readTicket(ticket: Ticket): Point | undefined {
  let point: Payload;
  try {
    point = Payload.parse(ticket);
  } catch {
    return undefined;
  }
  const id = point.string("id");
  if (point.string("kind") === "parked" && id !== undefined) return { kind: "parked", id };
  if (point.string("kind") !== "state") return undefined;
  const converses = point.raw("converses")?.toString("latin1") === "true";
  return { kind: "state", state: point.string("state"), converses };
}
