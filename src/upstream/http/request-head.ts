/** The part of requests that is the same in many of them, written once. */
export interface RequestHead {
  readonly method: "POST" | "GET" | "DELETE";
  readonly path: string;
  /** Name, value, name, value, … */
  readonly headers: readonly string[];
  /** As the plain transport has written it, with the request line; empty where it cannot be written. */
  text: string | undefined;
}

/** What a head is made of. Lists are compared by identity. */
export interface HeadParts {
  readonly method: RequestHead["method"];
  readonly path: string;
  readonly fixed: readonly string[];
  readonly own: readonly string[];
  readonly token: string | undefined;
  readonly cookie: string | undefined;
}

export const requestHead = (method: RequestHead["method"], path: string, headers: readonly string[]): RequestHead => ({
  method,
  path,
  headers,
  text: undefined,
});

/** Makes heads of one channel. The latest one is kept, since calls of a channel mostly differ in nothing of it. */
export function createRequestHeads(): (parts: HeadParts) => RequestHead {
  let latest: { readonly parts: HeadParts; readonly head: RequestHead } | undefined;
  return parts => {
    if (latest && isSame(latest.parts, parts)) return latest.head;
    const { method, path, fixed, own, token, cookie } = parts;
    const headers = [...fixed, ...own];
    if (token !== undefined) headers.push("authorization", `Bearer ${token}`);
    if (cookie !== undefined) headers.push("cookie", cookie);
    latest = { parts, head: requestHead(method, path, headers) };
    return latest.head;
  };
}

const isSame = (one: HeadParts, other: HeadParts): boolean =>
  one.own === other.own &&
  one.fixed === other.fixed &&
  one.token === other.token &&
  one.cookie === other.cookie &&
  one.path === other.path &&
  one.method === other.method;

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const PATH = /^\/[\x21-\x7e]*$/;
const MAX_LINES = 64;

/** A header as it is written; `undefined` when it cannot be. */
export type HeaderLines = (name: string, value: string) => string | undefined;

/** Most headers say the same in every request: the line last written with each name is kept. */
export function headerLines(): HeaderLines {
  const written = new Map<string, { readonly value: string; readonly line: string }>();
  return (name, value) => {
    const last = written.get(name);
    if (last?.value === value) return last.line;
    if (!NAME.test(name) || !VALUE.test(value)) return undefined;
    const line = `${name}: ${value}\r\n`;
    if (last || written.size < MAX_LINES) written.set(name, { value, line });
    return line;
  };
}

/** The head as HTTP/1.1, up to the headers of a single request; empty when something in it cannot stand in a head. */
export function headText(head: RequestHead, authority: string, lines: HeaderLines): string {
  head.text ??= written(head, authority, lines);
  return head.text;
}

function written({ method, path, headers }: RequestHead, authority: string, lines: HeaderLines): string {
  if (!PATH.test(path)) return "";
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\nconnection: keep-alive\r\n`;
  for (let at = 0; at < headers.length; at += 2) {
    const line = lines(headers[at]!, headers[at + 1]!);
    if (line === undefined) return "";
    text += line;
  }
  return text;
}
