import { header, type ReplyHead } from "./statuses.ts";

/** Where a request goes, within what is configured: a path of that origin, or of the same host over TLS. */
export interface Place {
  /** With its query. */
  readonly path: string;
  /** Whether it is the same host over TLS while plain HTTP is configured. */
  readonly upgraded: boolean;
}

export type Redirect =
  | { readonly kind: "none" }
  /** The same request belongs there; nothing has been done for it here. */
  | { readonly kind: "follow"; readonly place: Place }
  /** It is not followed: why, and where it leads. */
  | { readonly kind: "refuse"; readonly says: string };

export interface Redirected {
  readonly method: string;
  /** The configured origin. */
  readonly origin: string;
  /** Where the request went. */
  readonly place: Place;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** These ask for the same request elsewhere. The others leave clients free to turn it into a GET without a body. */
const UNCHANGED: ReadonlySet<number> = new Set([307, 308]);
const MAX_SHOWN_CHARACTERS = 200;

/**
 * What a reply's status and `Location` ask for. Followed is only what stays with the configured host, since
 * credentials go along, and what cannot lose the request's body or run it twice.
 * https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx
 */
export function redirectOf(head: ReplyHead, request: Redirected): Redirect {
  if (!REDIRECTS.has(head.status)) return { kind: "none" };
  const from = urlOf(request.origin, request.place);
  const location = header(head, "location");
  const to = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (!to) return refuse("the upstream redirects and does not say where", head);
  const shown = (to.origin === "null" ? to.protocol : to.origin + to.pathname).slice(0, MAX_SHOWN_CHARACTERS);
  const upgraded = isUpgrade(from, to);
  if (to.origin !== from.origin && !upgraded) {
    return refuse(
      `the upstream redirects to another origin, ${shown}; if that is where it is, write it in \`url\``,
      head,
    );
  }
  if (!UNCHANGED.has(head.status) && request.method !== "GET" && !isSpelling(head.status, from, to)) {
    return refuse(`the upstream redirects to ${shown} in a way that drops the request; write that in \`url\``, head);
  }
  return { kind: "follow", place: { path: to.pathname + to.search, upgraded: request.place.upgraded || upgraded } };
}

/** As people write it, without a query: that may hold what is nobody's business. */
export const shownPath = ({ path }: Place): string => (path.split("?", 1)[0] ?? "").slice(0, MAX_SHOWN_CHARACTERS);

export function urlOf(origin: string, { path, upgraded }: Place): URL {
  return new URL(path, upgraded ? origin.replace(/^http:/, "https:") : origin);
}

const refuse = (says: string, { status }: ReplyHead): Redirect => ({
  kind: "refuse",
  says: `${says} (HTTP ${status})`,
});

/** From plain HTTP to TLS on the same host, both on their own ports: whoever answers there is who was asked. */
const isUpgrade = (from: URL, to: URL): boolean =>
  from.protocol === "http:" &&
  to.protocol === "https:" &&
  from.hostname === to.hostname &&
  from.port === "" &&
  to.port === "";

/**
 * Whether nothing differs but a slash at the end or the protocol: that is how routers and load balancers correct an
 * address before anything behind them runs. A 303 says that something has run.
 */
function isSpelling(status: number, from: URL, to: URL): boolean {
  const bare = ({ pathname, search }: URL): string => pathname.replace(/\/$/, "") + search;
  return status !== 303 && bare(from) === bare(to);
}
