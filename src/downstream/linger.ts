import type { Socket } from "node:net";
import type { Inbound } from "./inbound.ts";
import type { Outbound } from "./outbound.ts";

export const LINGER = {
  /** What is taken of a body that nobody wants, so that its agent sees why. */
  bytes: 64 * 1024 * 1024,
  /** For so long an agent may send nothing of it. */
  idleMs: 2_000,
} as const;

/**
 * Ends a response whose head has been written. Where the connection closes after it and the request's body is still
 * coming, the rest is taken first, within limits: to close at once would reset the connection, and take the answer from
 * every agent that looks at it only when it has sent everything.
 */
export function endWithBody(response: Outbound, body: Buffer): void {
  const { req: request, socket } = response;
  if (response.shouldKeepAlive || socket === null || !isStillComing(request)) {
    response.end(body);
    return;
  }
  response.write(body);
  // The length says that the answer is whole, so that it can be read before the rest is sent.
  socket.end();
  let taken = 0;
  const close = (): void => void socket.destroy();
  request.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    if (taken > LINGER.bytes) close();
  });
  request.once("end", close);
  socket.setTimeout(LINGER.idleMs, close);
}

/**
 * Says that nothing more comes, and closes when the other side has closed too, or is silent: to close while something is
 * still to be read would reset the connection, and take away what was said last.
 */
export function endGently(connection: Socket): void {
  const close = (): void => void connection.destroy();
  connection.end();
  if (connection.readableEnded) connection.once("finish", close);
  else connection.once("end", close);
  // Whoever goes on sending is not waited for.
  const late = setTimeout(close, LINGER.idleMs).unref();
  connection.once("close", () => clearTimeout(late));
}

/** Whether a request has announced a body of which something is missing. */
export const isStillComing = ({ complete, headers }: Inbound): boolean =>
  !complete && (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0);
