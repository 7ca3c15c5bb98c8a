import type { Clock } from "../../core/ports.ts";
import { looksRandom } from "../../core/secrets/looks-random.ts";
import type { Secrets } from "../channel/secrets.ts";
import type { ReplyHead } from "./statuses.ts";

/**
 * The cookies of one conversation: what its upstream sets goes back to that upstream on later requests, and nowhere
 * else. https://www.rfc-editor.org/rfc/rfc6265#section-5
 */
export interface CookieJar {
  /** Whether the upstream has set any that count. */
  readonly isEmpty: boolean;
  /** Whether a reply to a request for that path sets any that count; `keep`: they are taken. */
  take(head: ReplyHead, path: string, keep: boolean): boolean;
  /** The `Cookie` header for a request, the configured ones included; `undefined` where there is none. */
  header(path: string, secure: boolean): string | undefined;
}

export interface CookieJarOptions {
  readonly clock: Pick<Clock, "wall" | "now">;
  readonly hostname: string;
  /** Whether the upstream is reached over TLS, or is this machine. */
  readonly trustworthy: boolean;
  /** The value of a configured `Cookie` header. */
  readonly configured: string | undefined;
  /** Learns the values that stand for somebody. */
  readonly secrets?: Secrets;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly secure: boolean;
  /** Monotonic milliseconds. */
  readonly expiresAt: number;
}

const MAX_COOKIES = 50;
const MAX_COOKIE_CHARACTERS = 4_096;
const MAX_HEADER_CHARACTERS = 16_384;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Broader than the RFC's grammar, as clients are: whatever can stand in a header. */
const VALUE = /^[\t\x20-\x3a\x3c-\x7e\x80-\xff]*$/;

export function createCookieJar(options: CookieJarOptions): CookieJar {
  const { clock } = options;
  const configured = pairsOf(options.configured ?? "");
  /** By name and path, the one last set last. */
  const cookies = new Map<string, Cookie>();

  const set = (cookie: Cookie): void => {
    const key = `${cookie.name};${cookie.path}`;
    cookies.delete(key);
    if (cookie.expiresAt <= clock.now()) return;
    cookies.set(key, cookie);
    const [oldest] = cookies.keys();
    if (cookies.size > MAX_COOKIES && oldest !== undefined) cookies.delete(oldest);
  };

  return {
    get isEmpty() {
      return cookies.size === 0;
    },
    take(head, requestPath, keep) {
      const [now, wallMs] = [clock.now(), clock.wall()];
      const texts = [head.headers["set-cookie"] ?? []].flat();
      const given = texts.flatMap(text => parse(text, { ...options, requestPath, now, wallMs }) ?? []);
      for (const { value } of given) if (looksRandom(value)) options.secrets?.learnName(value);
      if (keep) for (const cookie of given) set(cookie);
      return given.some(({ expiresAt }) => expiresAt > now);
    },
    header(path, secure) {
      if (cookies.size === 0) return options.configured;
      const now = clock.now();
      const sent = [...cookies.values()]
        .filter(cookie => cookie.expiresAt > now && covers(cookie.path, path))
        .filter(cookie => secure || options.trustworthy || !cookie.secure)
        // Longer paths first; the sort is stable, so that equals keep their order.
        .sort((a, b) => b.path.length - a.path.length);
      const names = new Set(sent.map(({ name }) => name));
      const kept = configured.filter(({ name }) => !names.has(name));
      let header = "";
      for (const { name, value } of [...kept, ...sent]) {
        const pair = `${header && "; "}${name}=${value}`;
        if (header.length + pair.length <= MAX_HEADER_CHARACTERS) header += pair;
      }
      return header || undefined;
    },
  };
}

interface Setting extends CookieJarOptions {
  readonly requestPath: string;
  readonly now: number;
  readonly wallMs: number;
}

/** `undefined` for a cookie that is malformed, too long or not for this upstream. */
function parse(text: string, at: Setting): Cookie | undefined {
  if (text.length > MAX_COOKIE_CHARACTERS) return undefined;
  const [pair = "", ...rest] = text.split(";");
  const [name, value] = halves(pair);
  if (value === undefined || !NAME.test(name) || !VALUE.test(value)) return undefined;
  const attributes = new Map(rest.map(part => halves(part)).map(([key, said]) => [key.toLowerCase(), said ?? ""]));
  const domain = (attributes.get("domain") ?? "").replace(/^\./, "").toLowerCase();
  if (domain !== "" && domain !== at.hostname && !isDomainOf(domain, at.hostname)) return undefined;
  const path = attributes.get("path") ?? "";
  return {
    ...{ name, value, secure: attributes.has("secure") },
    path: path.startsWith("/") ? path : defaultPath(at.requestPath),
    expiresAt: at.now + lifeOf(attributes, at.wallMs),
  };
}

function halves(text: string): [string, string | undefined] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text.trim(), undefined];
  return [text.slice(0, equals).trim(), text.slice(equals + 1).trim()];
}

/** An address has no domains above it. */
const isDomainOf = (domain: string, hostname: string): boolean =>
  hostname.endsWith(`.${domain}`) && !/^[\d.]+$|^\[/.test(hostname);

/** In milliseconds. A date is the server's, and compared with ours once. */
function lifeOf(attributes: ReadonlyMap<string, string>, wallMs: number): number {
  const age = attributes.get("max-age");
  if (age !== undefined && /^-?\d{1,12}$/.test(age)) return Number(age) * 1000;
  const date = Date.parse(attributes.get("expires") ?? "");
  return Number.isNaN(date) ? Number.POSITIVE_INFINITY : date - wallMs;
}

/** https://www.rfc-editor.org/rfc/rfc6265#section-5.1.4 */
function defaultPath(requestPath: string): string {
  const path = requestPath.split("?", 1)[0] ?? "";
  const last = path.lastIndexOf("/");
  return last <= 0 ? "/" : path.slice(0, last);
}

function covers(cookiePath: string, requestPath: string): boolean {
  const path = requestPath.split("?", 1)[0] ?? "";
  if (!path.startsWith(cookiePath)) return false;
  return path.length === cookiePath.length || cookiePath.endsWith("/") || path[cookiePath.length] === "/";
}

function pairsOf(header: string): { name: string; value: string }[] {
  return header
    .split(";")
    .map(halves)
    .flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}
