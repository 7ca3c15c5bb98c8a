import { describe, expect, it } from "vitest";
import type { Delivery, Failure, Fault } from "../../src/core/failure.ts";
import { upstreamName } from "../../src/core/names.ts";
import { errorOf } from "../../src/wire/rpc-errors.ts";

type Expected = readonly [code: number, reason: string, retryable: boolean];
type When = "not_sent" | "refused" | "sent";

const UNAVAILABLE: Expected = [-31001, "upstream_unavailable", true];
const UNKNOWN: Expected = [-31003, "outcome_unknown", false];
const INVALID: Expected = [-31007, "upstream_protocol_error", false];
const TOO_LARGE: Expected = [-31008, "response_too_large", false];
const NO_LOGIN: Expected = [-31009, "upstream_auth_required", false];
const LIMITED: Expected = [-31004, "upstream_rate_limited", true];
const BUSY: Expected = [-31005, "overloaded", true];
const DRAINING: Expected = [-31006, "draining", true];

/** What an agent is told of each fault: while nothing has run for certain, and after that. */
const TOLD: Readonly<Record<Exclude<Fault, "cancelled">, Readonly<Record<When, Expected>>>> = {
  unreachable: { not_sent: UNAVAILABLE, refused: UNAVAILABLE, sent: UNKNOWN },
  misconfigured: { not_sent: UNAVAILABLE, refused: UNAVAILABLE, sent: UNKNOWN },
  connection_lost: { not_sent: UNAVAILABLE, refused: UNAVAILABLE, sent: UNKNOWN },
  session_lost: { not_sent: UNAVAILABLE, refused: UNAVAILABLE, sent: UNKNOWN },
  bad_response: { not_sent: UNAVAILABLE, refused: UNAVAILABLE, sent: UNKNOWN },
  rejected: { not_sent: UNAVAILABLE, refused: UNAVAILABLE, sent: UNKNOWN },
  overloaded: { not_sent: BUSY, refused: BUSY, sent: UNKNOWN },
  timeout: {
    not_sent: [-31002, "upstream_timeout", true],
    refused: [-31002, "upstream_timeout", true],
    sent: [-31002, "upstream_timeout", false],
  },
  protocol_error: { not_sent: INVALID, refused: INVALID, sent: INVALID },
  too_large: { not_sent: TOO_LARGE, refused: TOO_LARGE, sent: TOO_LARGE },
  no_room: {
    not_sent: [-31008, "no_room", true],
    refused: [-31008, "no_room", true],
    sent: [-31008, "no_room", false],
  },
  auth_required: { not_sent: NO_LOGIN, refused: NO_LOGIN, sent: NO_LOGIN },
  rate_limited: { not_sent: LIMITED, refused: LIMITED, sent: [-31004, "upstream_rate_limited", false] },
  stopped: { not_sent: DRAINING, refused: DRAINING, sent: [-31006, "draining", false] },
};
const DELIVERIES: readonly (readonly [Delivery, When, string])[] = [
  ["not_sent", "not_sent", "not_sent"],
  ["refused", "refused", "refused"],
  ["sent_unknown", "sent", "unknown"],
  ["partial", "sent", "unknown"],
  ["answered", "sent", "answered"],
];

type UpstreamFailure = Extract<Failure, { kind: "upstream" }>;

function told(facts: Pick<UpstreamFailure, "fault" | "delivery"> & Partial<UpstreamFailure>) {
  const upstream = upstreamName("files");
  const error = errorOf({ kind: "upstream", upstream, attempts: 2, detail: "secret.internal:8080", ...facts });
  const { message, data } = error.error.value() as { message: string; data: { gateway: Record<string, unknown> } };
  return { code: error.code, header: error.retryAfterMs, message, gateway: data.gateway };
}

describe.each(Object.keys(TOLD) as (keyof typeof TOLD)[])("an agent that is told of %s", fault => {
  it.each(DELIVERIES)("(%s) learns what happened and whether to come again", (delivery, when, shown) => {
    const [code, reason, retryable] = TOLD[fault][when];
    const { code: given, message, gateway } = told({ fault, delivery });
    expect({ code: given, ...gateway }).toEqual({
      ...{ code, reason, retryable },
      ...{ upstream: "files", attempt: 2, delivery: shown },
    });
    expect(message).not.toContain("secret");
  });
});

describe("an agent", () => {
  it("learns when to come again, in the error and for the header", () => {
    const { header, gateway } = told({ fault: "rate_limited", delivery: "refused", retryAfterMs: 7_000 });
    expect([header, gateway.retryAfterMs]).toEqual([7_000, 7_000]);
  });

  it.each(["sent_unknown", "partial"] as const)("may repeat after a timeout (%s) what does no harm twice", delivery => {
    expect(told({ fault: "timeout", delivery, replaySafe: true }).gateway.retryable).toBe(true);
    expect(told({ fault: "no_room", delivery: "answered", replaySafe: true }).gateway.retryable).toBe(true);
    expect(told({ fault: "connection_lost", delivery, replaySafe: true }).gateway.retryable).toBe(false);
  });

  it("learns that only the upstream that is down could have gone on", () => {
    const { code, gateway } = told({ fault: "unreachable", delivery: "not_sent", bound: true });
    expect([code, gateway.reason, gateway.retryable]).toEqual([-31001, "owner_down", true]);
  });

  it("learns of a continuation that may have run only that", () => {
    const { gateway } = told({ fault: "connection_lost", delivery: "sent_unknown", bound: true });
    expect(gateway.reason).toBe("outcome_unknown");
  });
});
