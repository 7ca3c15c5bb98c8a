import { expect, it } from "vitest";
import { faultOfBareStatus, faultOfStatus, isEventStream, mediaType, retryAfterMs } from "./statuses.ts";

const NOW = Date.UTC(2030, 0, 1);

it.each<[string | undefined, number | undefined]>([
  ["7", 7_000],
  [" 0 ", 0],
  ["86400", 300_000],
  ["Tue, 01 Jan 2030 00:00:30 GMT", 30_000],
  ["Mon, 31 Dec 2029 23:00:00 GMT", 0],
  ["soon", undefined],
  ["-5", 0],
  [undefined, undefined],
])("reads Retry-After %s as %s ms", (value, expected) => {
  expect(retryAfterMs(value, NOW)).toBe(expected);
});

it("names the scopes that a 403 asks for, and nothing else of it", () => {
  const challenge = 'Bearer error="insufficient_scope", scope="files:read files:write", realm="canary"';
  const fault = faultOfStatus({ status: 403, headers: { "www-authenticate": challenge } }, NOW);
  expect(fault).toMatchObject({ fault: "auth_required", delivery: "refused" });
  expect(fault?.detail).toContain("files:read files:write");
  expect(fault?.detail).not.toContain("canary");
});

it("lets 429 wait as long as it asks, and takes 503 for a refusal only when it names a time", () => {
  const headers = { "retry-after": "2" };
  expect(faultOfStatus({ status: 429, headers }, NOW)).toMatchObject({ fault: "rate_limited", retryAfterMs: 2000 });
  expect(faultOfStatus({ status: 429, headers: {} }, NOW)).not.toHaveProperty("retryAfterMs");
  expect(faultOfStatus({ status: 503, headers }, NOW)).toMatchObject({ fault: "overloaded", delivery: "refused" });
  expect(faultOfStatus({ status: 503, headers: {} }, NOW)).toBeUndefined();
});

it.each([
  [[400, 404, 405, 406, 410, 413, 415, 421, 426, 431], "rejected", "refused"],
  // What stands in the way may say these of a request that it has passed on, and an application when it has begun.
  [[408, 409, 412, 418, 422, 423, 424, 451, 499], "rejected", "sent_unknown"],
  [[500, 502, 504, 520], "bad_response", "sent_unknown"],
] as const)("takes %s for %s (%s)", (statuses, fault, delivery) => {
  for (const status of statuses) {
    expect(faultOfStatus({ status, headers: { "retry-after": "2" } }, NOW)).toBeUndefined();
    expect(faultOfBareStatus(status, false)).toMatchObject({ fault, delivery });
  }
});

it("reads a media type without its parameters", () => {
  expect(mediaType({ status: 200, headers: { "content-type": "Application/JSON; charset=utf-8" } })).toBe(
    "application/json",
  );
  expect(mediaType({ status: 200, headers: {} })).toBe("");
  expect(mediaType({ status: 200, headers: { "content-type": "\u001b[31m" } })).toBe("an unreadable content type");
});

it.each([
  "application/json",
  "Application/JSON; charset=utf-8",
  "application/json-rpc",
  "application/jsonrequest",
  "application/problem+json",
  "text/json",
  ["application/json", "application/json"],
  "application/json, application/json",
])("takes %s for JSON", type => {
  expect(mediaType({ status: 200, headers: { "content-type": type } })).toBe("application/json");
});

it.each(["text/event-stream", "TEXT/Event-Stream ;charset=UTF-8"])("takes %s for an event stream", type => {
  expect(isEventStream({ status: 200, headers: { "content-type": type } })).toBe(true);
});

it.each(["text/html", "application/jsonx", "json", "application/javascript"])("does not take %s for JSON", type => {
  expect(mediaType({ status: 200, headers: { "content-type": type } })).not.toBe("application/json");
});
