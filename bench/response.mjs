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
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error(`a response of unknown length:\n${head}`);
  const last = bytes.indexOf("\r\n0\r\n\r\n", from - 2);
  return last < 0 ? undefined : last + 7;
}
