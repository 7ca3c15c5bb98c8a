/**
 * Where the HTTP/1.1 response that begins the bytes ends, and its status; `undefined` while it is incomplete.
 * Understands a Content-Length and a chunked body whose text holds no line of "0", as JSON on one line does not.
 */
export function readResponse(bytes) {
  const blank = bytes.indexOf("\r\n\r\n");
  if (blank < 0) return undefined;
  const head = bytes.toString("latin1", 0, blank);
  const end = bodyEnd(bytes, { head, from: blank + 4 });
  if (end === undefined || end > bytes.length) return undefined;
  return { end, status: Number(head.slice(9, 12)) };
}

function bodyEnd(bytes, { head, from }) {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) return from + Number(length[1]);
  if (/^HTTP\/1\.1 (204|304)/.test(head)) return from;
  if (!isChunked(head)) throw new Error(`a response of unknown length:\n${head}`);
  const last = bytes.indexOf("\r\n0\r\n\r\n", from - 2);
  return last < 0 ? undefined : last + 7;
}

const isChunked = head => /\r\ntransfer-encoding: *chunked/i.test(head);

/** A whole response taken apart: status, head, text of the body, and the JSON-RPC message in it, if there is one. */
export function decoded(bytes) {
  const blank = bytes.indexOf("\r\n\r\n");
  const head = bytes.toString("latin1", 0, blank);
  const body = bytes.subarray(blank + 4);
  const text = (isChunked(head) ? Buffer.concat([...chunks(body)]) : body).toString("utf8");
  return { status: Number(head.slice(9, 12)), head, text, message: messageIn(text) };
}

function* chunks(bytes) {
  for (let at = 0; ; ) {
    const line = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (!size) return;
    yield bytes.subarray(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

/** Plain JSON, or the last event of a stream. */
function messageIn(text) {
  const line = text.startsWith("{")
    ? text
    : text
        .match(/^data: ?(\{.*)$/gm)
        ?.at(-1)
        ?.replace(/^data: ?/, "");
  try {
    return line && JSON.parse(line);
  } catch {
    return undefined;
  }
}
