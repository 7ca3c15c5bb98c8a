import type { Socket } from "node:net";
import { Payload } from "../../core/payload.ts";
import { UPSTREAM_TEXT } from "../../core/scan-limits.ts";

/**
 * The control protocol: one connection carries one request and its answer, each a JSON object on one line.
 * Request: `{"v":1,"op":…}`. Answer: `{"v":1,"ok":true,"result":{…}}` or `{"v":1,"ok":false,"error":{name,message}}`.
 */
export const CONTROL_VERSION = 1;

export const OPS = ["status", "stop", "reload", "catalog", "call", "test"] as const;
export type Op = (typeof OPS)[number];

export const LIMITS = {
  requestBytes: 64 * 1024,
  /** A call carries a tool's arguments. */
  callBytes: 4 * 1024 * 1024,
  /** More than the largest result that an upstream may be allowed (`max_result_bytes`). */
  answerBytes: 544 * 1024 * 1024,
  /** For sending a request, and for answering one that neither calls a tool nor stops the gateway. */
  timeoutMs: 30_000,
  connections: 32,
} as const;

export type RefusalName = "badRequest" | "tooLarge" | "otherVersion" | "timedOut" | "internal";

/** Reads what a peer says up to the end of its first line. `undefined`: it said nothing whole. */
export function readLine(socket: Socket, maxBytes: number): Promise<Buffer | "too_large" | undefined> {
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (result: Buffer | "too_large" | undefined): void => {
      socket.off("data", onData);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
      resolve(result);
    };
    const onEnd = (): void => finish(undefined);
    const onData = (chunk: Buffer): void => {
      const end = chunk.indexOf(0x0a);
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
      size += chunk.length;
      if (end >= 0) finish(Buffer.concat(chunks));
      else if (size > maxBytes) finish("too_large");
    };
    socket.on("data", onData).on("end", onEnd).on("close", onEnd);
  });
}

/** Reads one line as an object; `undefined` when it is none. */
export function readObject(line: Buffer): Payload | undefined {
  try {
    return Payload.parse(line, UPSTREAM_TEXT);
  } catch {
    return undefined;
  }
}

/** A number among the members of an object; `otherwise` when it is missing or is not one. */
export function numberIn(payload: Payload, key: string, otherwise: number): number {
  const value = Number(payload.raw(key)?.toString());
  return Number.isFinite(value) && value >= 0 ? value : otherwise;
}
