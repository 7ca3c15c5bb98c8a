import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import type { LookupFunction, Socket } from "node:net";
import type { buildConnector } from "undici";
import type { Clock } from "../../core/ports.ts";
import type { HttpProxy } from "./proxy.ts";

/** There is no connection, because of the proxy and not of the upstream. */
export class ProxyError extends Error {
  readonly code: string;
  readonly proxy: Pick<HttpProxy, "address" | "variable">;
  /** What the proxy answered, where it did. */
  readonly status: number | undefined;

  constructor(proxy: Pick<HttpProxy, "address" | "variable">, code = "PROXY_FAILED", status?: number) {
    super("the proxy failed");
    this.code = code;
    this.proxy = proxy;
    this.status = status;
  }
}

/** Of the connection to the proxy, whatever the environment says. */
const TLS_RULES = { rejectUnauthorized: true, minVersion: "TLSv1.2" } as const;

export interface TunnelOptions {
  readonly proxy: HttpProxy;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly lookup: LookupFunction;
  /** Makes the TLS connection inside the tunnel. */
  readonly connect: buildConnector.connector;
}

/** Connections to a TLS upstream through a proxy. https://www.rfc-editor.org/rfc/rfc9110#name-connect */
export function tunnelConnector(options: TunnelOptions): buildConnector.connector {
  return (target, callback) => {
    openTunnel(options, `${target.hostname}:${target.port || 443}`).then(
      socket => options.connect({ ...target, httpSocket: socket }, callback),
      (error: Error) => callback(error, null),
    );
  };
}

function openTunnel({ proxy, clock, timeoutMs, lookup }: TunnelOptions, authority: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = { host: authority, ...(proxy.authorization && { "proxy-authorization": proxy.authorization }) };
    const { hostname: host, port } = proxy;
    const send = proxy.secure ? secureRequest : plainRequest;
    const target = { host, port, lookup, headers, method: "CONNECT", path: authority, agent: false } as const;
    const request = send({ ...target, ...TLS_RULES });
    const fail = (code: string | undefined, status?: number): void => {
      cancel();
      request.destroy();
      reject(new ProxyError(proxy, code, status));
    };
    const cancel = clock.after(timeoutMs, () => fail("CONNECT_TIMEOUT"));
    request.on("error", (error: NodeJS.ErrnoException) => fail(error.code));
    // Proxies of old answer with a body and an ordinary reply.
    request.on("response", ({ statusCode = 0 }) => fail("PROXY_REFUSED", statusCode));
    request.on("connect", ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) {
        socket.on("error", () => {}).destroy();
        return fail("PROXY_REFUSED", statusCode);
      }
      cancel();
      // TLS is spoken by the client first, so that nothing can have come yet.
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.end();
  });
}
