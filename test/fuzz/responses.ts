/** An HTTP response as far as it has come. */
export interface Response {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** Where it ends in the bytes; `undefined` while more is to come. */
  readonly end: number | undefined;
}

/** Reads the first response. `undefined`: its head has not come yet. */
export function readResponse(bytes: Buffer): Response | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd).toLowerCase();
  const status = Number(/^http\/1\.1 (\d{3}) /.exec(head)?.[1] ?? Number.NaN);
  const from = headEnd + 4;
  const bodiless = status < 200 || status === 204 || status === 304;
  const length = bodiless ? 0 : Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? Number.NaN);
  if (!Number.isNaN(length)) {
    const end = from + length;
    return { status, head, body: bytes.toString("utf8", from, end), end: end <= bytes.length ? end : undefined };
  }
  return { status, head, ...readChunks(bytes, from) };
}

function readChunks(bytes: Buffer, from: number): { body: string; end: number | undefined } {
  const chunks: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const start = lineEnd + 2;
    const whole = start + size + 2 <= bytes.length;
    if (whole && size > 0) chunks.push(bytes.subarray(start, start + size));
    if (!whole || size === 0) {
      return { body: Buffer.concat(chunks).toString("utf8"), end: whole && size === 0 ? start + 2 : undefined };
    }
    at = start + size + 2;
  }
}

/** Every response in the bytes; `rest`: what is no whole response. */
export function readResponses(bytes: Buffer): { responses: Response[]; rest: Buffer } {
  const responses: Response[] = [];
  let rest = bytes;
  for (let one = readResponse(rest); one?.end !== undefined; one = readResponse(rest)) {
    responses.push(one);
    rest = rest.subarray(one.end);
  }
  return { responses, rest };
}

/** What is wrong with an answer to something malformed: neither 4xx, nor JSON-RPC, nor taken without a word. */
export function objectionTo({ status, head, body }: Response): string | undefined {
  // 501: nobody gets a tunnel.
  if (status === 100 || status === 501 || (status >= 400 && status < 500)) return undefined;
  if ((status === 202 || status === 204) && body === "") return undefined;
  if (status === 200 && head.includes("content-type: text/plain") && body === "ok\n") return undefined;
  if (status !== 200) return `status ${status}: ${body.slice(0, 200)}`;
  const texts = head.includes("content-type: text/event-stream") ? eventsIn(body) : [body];
  const wrong = texts.find(text => !isMessage(text));
  return wrong === undefined ? undefined : `no JSON-RPC message: ${wrong.slice(0, 200)}`;
}

const eventsIn = (body: string): string[] =>
  body
    .split("\n")
    .filter(line => line.startsWith("data:") && line.length > 6)
    .map(line => line.slice(6));

/** One message, or several of them. */
export function isMessage(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const messages = Array.isArray(value) ? value : [value];
    return messages.length > 0 && messages.every(message => message?.jsonrpc === "2.0");
  } catch {
    return false;
  }
}
