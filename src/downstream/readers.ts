import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createClientErrors } from "./client-errors.ts";
import { readStrictly, type StrictConnections, type StrictOptions } from "./two-readers.ts";

/** Of `node:http`, and of the strict reader in the same way. Times are in ms. */
export interface ReadLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  readonly connectionsCheckingInterval: number;
  /** In bytes. */
  readonly maxHeaderSize: number;
}

/** A call has no end of its own: an agent that is gone without a word must be noticed. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

/** A server whose connections are read strictly first, and by `node:http` from the first thing on that is not plain. */
export function openReaders(
  limits: ReadLimits,
  { bodies, receive }: Pick<StrictOptions, "bodies" | "receive">,
): { server: Server; strict: StrictConnections } {
  const server = createServer({ ...limits, ...KEEP_ALIVE }, receiveFromNode);
  const strict = readStrictly(server, {
    ...{ bodies, receive, intervalMs: limits.connectionsCheckingInterval },
    refuse: (socket, code) => clientErrors.answer({ code }, socket),
    afterAnswer: socket => clientErrors.afterAnswer(socket),
  });
  const clientErrors = createClientErrors(strict.responsesOn);

  function receiveFromNode(request: IncomingMessage, response: ServerResponse): void {
    clientErrors.received(request);
    if (response.socket === null) {
      clientErrors.queued(response, request.socket);
      closeWithConnection(request, response);
    }
    receive(request, response);
  }

  // Leave to send a body is given where it is read.
  server.on("checkContinue", receiveFromNode);
  server.on("clientError", clientErrors.answer);
  server.on("connect", (_request, connection) => clientErrors.refuseTunnel(connection));
  return { server, strict };
}

/** A response that waits for an earlier one of its connection is not told when that closes. */
function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  const closed = (): void => {
    response.destroy();
    response.emit("close");
  };
  socket.setMaxListeners(0).once("close", closed);
  response.once("socket", () => socket.removeListener("close", closed));
}
