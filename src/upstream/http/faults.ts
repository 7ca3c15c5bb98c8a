import type { AttemptFailure, Delivery, Fault } from "../../core/failure.ts";

/** What went wrong, in the words that `status` shows. Never holds text of the upstream, a URL or a credential. */
interface Diagnosis {
  readonly fault: Fault;
  readonly delivery: Delivery;
  readonly says: string;
}

const unreachable = (says: string): Diagnosis => ({ fault: "unreachable", delivery: "not_sent", says });
/** It is we who have no more: nothing is known of the upstream. */
const exhausted = (says: string): Diagnosis => ({ fault: "overloaded", delivery: "not_sent", says });
const lost = (says: string): Diagnosis => ({ fault: "connection_lost", delivery: "sent_unknown", says });
const late = (says: string): Diagnosis => ({ fault: "timeout", delivery: "sent_unknown", says });
const garbled = (says: string): Diagnosis => ({ fault: "protocol_error", delivery: "sent_unknown", says });
const unsendable = (says: string): Diagnosis => ({ fault: "protocol_error", delivery: "not_sent", says });

export const SPEAKS_TLS = "that port speaks https: write https:// in `url`";
const NO_TLS = "that port speaks no https, probably plain http: write http:// in `url`";

/** Error codes of Node and undici, and our own. */
const BY_CODE: Readonly<Record<string, Diagnosis>> = {
  ECONNREFUSED: unreachable("the connection was refused: nothing listens there"),
  ENOTFOUND: unreachable("the host name is unknown"),
  EAI_AGAIN: unreachable("the host name could not be looked up"),
  EAI_FAIL: unreachable("the host name could not be looked up"),
  ENODATA: unreachable("the host name has no address"),
  EHOSTUNREACH: unreachable("there is no route to the host"),
  EHOSTDOWN: unreachable("the host is down"),
  ENETUNREACH: unreachable("there is no route to the network"),
  ENETDOWN: unreachable("the network is down"),
  EADDRNOTAVAIL: exhausted("no local address or port is free"),
  EACCES: unreachable("the system forbids the connection"),
  EPERM: unreachable("the system forbids the connection"),
  EMFILE: exhausted("this process has too many open files"),
  ENFILE: exhausted("the system has too many open files"),
  CONNECT_TIMEOUT: unreachable("the connection was not accepted in time"),
  UND_ERR_CONNECT_TIMEOUT: unreachable("the connection was not accepted in time"),
  EPROTO: unreachable("the TLS handshake failed"),
  ERR_SSL_WRONG_VERSION_NUMBER: unreachable(NO_TLS),
  ERR_SSL_PACKET_LENGTH_TOO_LONG: unreachable(NO_TLS),
  ERR_SSL_RECORD_LAYER_FAILURE: unreachable(NO_TLS),
  // The request was written by then: whoever says this may have read it.
  TLS_THERE: garbled(SPEAKS_TLS),
  PROXY_REFUSED: unreachable("it does not let us through"),
  // An upstream behind the proxy can say the same after it has run the call.
  PROXY_UNAUTHENTICATED: { fault: "unreachable", delivery: "sent_unknown", says: "it does not let us through" },
  PROXY_UNUSABLE: {
    ...{ fault: "misconfigured", delivery: "not_sent" },
    says: "proxies are reached by http:// or https:// and a host; NO_PROXY names what goes without one",
  },
  PLAIN_HTTP: {
    ...{ fault: "misconfigured", delivery: "not_sent" },
    says: "credentials would go unencrypted to another machine: write https://, or `allow_plain_http = true` where no third party is on the way",
  },
  PROXY_FAILED: unreachable("the connection failed"),
  DEPTH_ZERO_SELF_SIGNED_CERT: unreachable("the certificate is self-signed"),
  SELF_SIGNED_CERT_IN_CHAIN: unreachable("the certificate chain is self-signed"),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unreachable("the certificate could not be verified"),
  UNABLE_TO_GET_ISSUER_CERT: unreachable("the certificate's issuer is unknown"),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unreachable("the certificate's issuer is unknown"),
  HOSTNAME_MISMATCH: unreachable("the certificate is for another host"),
  ERR_TLS_CERT_ALTNAME_INVALID: unreachable("the certificate is for another host"),
  CERT_HAS_EXPIRED: unreachable("the certificate has expired"),
  CERT_NOT_YET_VALID: unreachable("the certificate is not valid yet"),
  ECONNRESET: lost("the connection was reset"),
  ECONNABORTED: lost("the connection was aborted"),
  EPIPE: lost("the connection was closed while writing"),
  ETIMEDOUT: lost("the connection timed out"),
  CLOSED_EARLY: lost("the connection was closed before the answer"),
  CUT_SHORT: lost("the answer was cut short"),
  CLOSED: lost("the connection pool was closed"),
  UND_ERR_SOCKET: lost("the connection was closed before the answer"),
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: lost("the answer was cut short"),
  HPE_INVALID_EOF_STATE: lost("the answer was cut short"),
  UND_ERR_ABORTED: lost("the request was abandoned"),
  UND_ERR_DESTROYED: lost("the connection pool was closed"),
  UND_ERR_CLOSED: lost("the connection pool was closed"),
  UND_ERR_HEADERS_TIMEOUT: late("no answer came in time"),
  UND_ERR_BODY_TIMEOUT: late("the answer stalled"),
  // Its text may hold some of the answer.
  READER_FAILED: garbled("the gateway failed to read the answer, which is a bug of its own"),
  NOT_HTTP: garbled("the answer is no HTTP"),
  Z_BUF_ERROR: lost("the answer was cut short"),
  INFLATED: {
    ...{ fault: "too_large", delivery: "answered" },
    says: "the answer was compressed to less than a hundredth, which no text is",
  },
  NOT_COMPRESSED: garbled("the answer could not be decompressed"),
  HEADERS_TOO_LARGE: garbled("the answer's headers are too large"),
  UND_ERR_HEADERS_OVERFLOW: garbled("the answer's headers are too large"),
  UND_ERR_RES_EXCEEDED_MAX_SIZE: { fault: "too_large", delivery: "sent_unknown", says: "the answer is too large" },
  UNSENDABLE: unsendable("the request could not be written as HTTP, probably a header with a forbidden character"),
  UND_ERR_INVALID_ARG: unsendable(
    "the request could not be written as HTTP, probably a header with a forbidden character",
  ),
  UND_ERR_NOT_SUPPORTED: unsendable("the request has a header that may not be set"),
};

const BY_PREFIX: readonly (readonly [RegExp, Diagnosis])[] = [
  [/^(CERT_|CRL_|UNABLE_TO_|INVALID_CA|PATH_LENGTH_)/, unreachable("the certificate was refused")],
  [/^ERR_(TLS|SSL)_/, unreachable("the TLS handshake failed")],
  [/^HPE_/, garbled("the answer is no HTTP")],
];
const UNKNOWN = lost("the connection failed");

/**
 * Why an exchange broke. `sent` tells whether the request had begun to be written: the same reset means "never sent"
 * during a handshake and "nobody knows" after it.
 */
export function faultOf(error: unknown, sent = true): AttemptFailure {
  const code = codeOf(error);
  const { fault, delivery, says } = diagnose(code);
  const refused = code?.startsWith("PROXY_") ? refusedByProxy(error) : "";
  const detail = `${behindProxy(error)}${says}${code === undefined ? "" : ` (${code}${refused})`}`;
  if (sent) return failure(fault, delivery, detail);
  return failure(fault === "connection_lost" || fault === "timeout" ? "unreachable" : fault, "not_sent", detail);
}

/** Whoever reads that a connection failed looks at the upstream first, which the proxy has not even asked. */
function behindProxy(error: unknown): string {
  const { proxy } = (error ?? {}) as { proxy?: { address?: unknown; variable?: unknown } };
  return proxy ? `the proxy at ${proxy.address}, which ${proxy.variable} names: ` : "";
}

/** For people. */
export const PROXY_WANTS = "; it wants credentials in its URL before the host (user:password@)";

function refusedByProxy(error: unknown): string {
  const { status } = (error ?? {}) as { status?: unknown };
  if (typeof status !== "number") return "";
  return `, HTTP ${status}${status === 407 ? PROXY_WANTS : ""}`;
}

function diagnose(code: string | undefined): Diagnosis {
  if (code === undefined) return UNKNOWN;
  return BY_CODE[code] ?? BY_PREFIX.find(([pattern]) => pattern.test(code))?.[1] ?? UNKNOWN;
}

/** Looks into wrapped errors and into the list that a failed attempt at several addresses leaves. */
export function codeOf(error: unknown, depth = 0): string | undefined {
  if (typeof error !== "object" || error === null || depth > 3) return undefined;
  const { name, message, code, errors, cause } = error as Record<string, unknown>;
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(code)) return code;
  // undici's parser error carries its code in words only.
  if (name === "HTTPParserError") return /EOF/.test(String(message)) ? "HPE_INVALID_EOF_STATE" : "HPE_INVALID";
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  return codeOf(first, depth + 1) ?? codeOf(cause, depth + 1);
}

export function failure(fault: Fault, delivery: Delivery, detail: string): AttemptFailure {
  return { fault, delivery, detail };
}
