import { isIP } from "node:net";
import { connect } from "node:tls";
import type { Clock } from "../../core/ports.ts";
import type { Signal } from "../../core/signal.ts";
import { waitFor } from "../../core/wait.ts";
import { hostOf } from "./url-parts.ts";

const TIMEOUT_MS = 2_000;

/**
 * Whether the port of a plain `http:` URL speaks TLS. Servers of TLS answer plain requests each in its own way, and some
 * not at all, so that only a handshake tells. Nothing is sent inside, so that nobody's certificate matters.
 */
export function speaksTls(
  url: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: Signal },
): Promise<boolean> {
  const gives = (): boolean => false;
  const limit = { late: { clock, afterMs: TIMEOUT_MS, gives }, aborted: { signal, gives } };
  return waitFor<boolean>(limit, end => {
    const { port } = new URL(url);
    const host = hostOf(new URL(url));
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port: Number(port || 80), rejectUnauthorized: false, ...name });
    socket.on("secureConnect", () => end(true));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
    return () => socket.destroy();
  });
}
