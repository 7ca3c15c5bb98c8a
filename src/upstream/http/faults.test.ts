import { expect, it } from "vitest";
import { faultOf } from "./faults.ts";

const coded = (code: string) => Object.assign(new Error("https://user:secret@host"), { code });

it.each([
  ["ECONNREFUSED", "unreachable", "not_sent"],
  ["ENOTFOUND", "unreachable", "not_sent"],
  ["UND_ERR_CONNECT_TIMEOUT", "unreachable", "not_sent"],
  ["CERT_HAS_EXPIRED", "unreachable", "not_sent"],
  ["CERT_REVOKED", "unreachable", "not_sent"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "unreachable", "not_sent"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "unreachable", "not_sent"],
  ["ECONNRESET", "connection_lost", "sent_unknown"],
  ["UND_ERR_SOCKET", "connection_lost", "sent_unknown"],
  ["UND_ERR_BODY_TIMEOUT", "timeout", "sent_unknown"],
  ["HPE_INVALID_CONSTANT", "protocol_error", "sent_unknown"],
  ["SOMETHING_NEW", "connection_lost", "sent_unknown"],
])("takes %s for %s, %s", (code, fault, delivery) => {
  expect(faultOf(coded(code))).toMatchObject({ fault, delivery });
});

it("knows that nothing was sent before the request was begun", () => {
  expect(faultOf(coded("ECONNRESET"), false)).toMatchObject({ fault: "unreachable", delivery: "not_sent" });
  expect(faultOf(new Error("?"), false)).toMatchObject({ fault: "unreachable", delivery: "not_sent" });
});

it("looks into wrapped errors and into attempts at several addresses", () => {
  const several = new AggregateError([coded("EHOSTUNREACH"), coded("ECONNREFUSED")]);
  expect(faultOf(several).detail).toContain("EHOSTUNREACH");
  expect(faultOf(new TypeError("fetch failed", { cause: several })).fault).toBe("unreachable");
});

it("never repeats the text of an error", () => {
  const inWords = Object.assign(new Error("secret (Invalid EOF state)"), { name: "HTTPParserError" });
  for (const error of [coded("ECONNRESET"), coded("bad secret"), new Error("secret"), "secret", undefined, inWords]) {
    expect(faultOf(error).detail).not.toContain("secret");
  }
});

it.each(["TLS_THERE", "PROXY_UNAUTHENTICATED"])("does not say that nothing was sent when it was: %s", code => {
  expect(faultOf({ code }, true).delivery).toBe("sent_unknown");
  expect(faultOf({ code }, false).delivery).toBe("not_sent");
});
