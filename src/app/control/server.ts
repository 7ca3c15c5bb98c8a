import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Payload } from "../../core/payload.ts";
import { Aborter, type Signal } from "../../core/signal.ts";
import { privateFolder } from "../../lib/run-file.ts";
import { oneLine } from "../../wire/message.ts";
import type { CallAnswer, GatewayClient, ReloadReport, StopReport } from "./gateway-client.ts";
import { CONTROL_VERSION, LIMITS, numberIn, OPS, type Op, type RefusalName, readLine, readObject } from "./protocol.ts";

/** What the process offers beyond its gateway. */
export interface ControlTarget {
  readonly client: GatewayClient;
  stop(graceMs: number): Promise<StopReport>;
  reload(): Promise<ReloadReport>;
}
export interface ControlServer {
  /** Takes no new requests, lets the running ones be answered, and removes the socket. */
  close(): Promise<void>;
}

/** The gateway has ended when the socket closes: what is not answered by then hangs. */
const LAST_ANSWERS_MS = 1_000;

/**
 * Opens the control socket, for this user only. Its caller holds the instance, so a socket that lies there
 * belongs to no process any more. Throws when the place cannot be used.
 */
export async function serveControl(path: string, target: ControlTarget): Promise<ControlServer> {
  const folder = privateFolder(dirname(path));
  if (folder.kind === "refused") throw new Error(folder.detail);
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const running = new Set<Promise<void>>();
  const server = createServer(socket => {
    sockets.add(socket);
    const done = serveOne(socket, target).finally(() => running.delete(done));
    running.add(done);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.maxConnections = LIMITS.connections;
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  chmodSync(path, 0o600);
  return {
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      await Promise.race([Promise.all(running), delay(LAST_ANSWERS_MS, undefined, { ref: false })]);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serveOne(socket: Socket, target: ControlTarget): Promise<void> {
  socket.setTimeout(LIMITS.timeoutMs, () => socket.destroy());
  const line = await readLine(socket, LIMITS.callBytes);
  if (line === undefined) return;
  socket.setTimeout(0);
  const gone = new Aborter();
  const nobody = new Promise<undefined>(resolve => {
    socket.once("close", () => {
      gone.abort();
      resolve(undefined);
    });
  });
  socket.resume();
  const answer = await Promise.race([answerTo(line, target, gone.signal), nobody]);
  if (answer && socket.writable) await new Promise<void>(resolve => socket.once("close", resolve).end(answer));
}

async function answerTo(line: Buffer | "too_large", target: ControlTarget, signal: Signal): Promise<Buffer> {
  if (line === "too_large") return refusal("tooLarge", "the request is too large");
  const request = readObject(line);
  if (!request) return refusal("badRequest", "the request is not a JSON object");
  const version = numberIn(request, "v", 0);
  if (version !== CONTROL_VERSION) {
    const speaks = `this gateway speaks version ${CONTROL_VERSION} of the control protocol`;
    return refusal("otherVersion", `${speaks}, the request is of version ${version}`);
  }
  const op = OPS.find(one => one === request.string("op"));
  if (!op) return refusal("badRequest", `unknown operation; there are: ${OPS.join(", ")}`);
  if (op !== "call" && line.length > LIMITS.requestBytes) return refusal("tooLarge", "the request is too large");
  try {
    const result = OPERATIONS[op](request, target, signal);
    return await (UNLIMITED.has(op) ? result.then(accept) : inTime(result));
  } catch (error) {
    return refusal("internal", (error as Error).message);
  }
}

/** A tool has its own deadline, and a drain the one that the request gives. */
const UNLIMITED: ReadonlySet<Op> = new Set(["call", "stop"]);
const NO_ARGUMENTS = Payload.of({});

type Operation = (request: Payload, target: ControlTarget, signal: Signal) => Promise<Payload>;
const OPERATIONS: Readonly<Record<Op, Operation>> = {
  status: async (request, { client }) => Payload.of(await client.status({ waitMs: numberIn(request, "waitMs", 0) })),
  catalog: async (request, { client }) => Payload.of(await client.catalog({ waitMs: numberIn(request, "waitMs", 0) })),
  test: async (request, { client }) => Payload.of(await client.test({ waitMs: numberIn(request, "waitMs", 0) })),
  stop: async (request, target) => Payload.of(await target.stop(numberIn(request, "graceMs", LIMITS.timeoutMs))),
  reload: async (_, target) => Payload.of(await target.reload()),
  call: async (request, { client }, signal) => {
    const tool = { name: request.string("name") ?? "", args: request.object("args") ?? NO_ARGUMENTS, signal };
    return encodeCall(await client.call(tool));
  },
};

/** The tool's result stays the bytes that it was. */
function encodeCall(answer: CallAnswer): Payload {
  if (answer.kind !== "done") return Payload.of(answer);
  const { kind, upstream, result } = answer;
  return Payload.of({ kind, upstream }).with({ result: oneLine(result.bytes) });
}

const accept = (result: Payload): Buffer =>
  Buffer.concat([Buffer.from(`{"v":${CONTROL_VERSION},"ok":true,"result":`), result.bytes, Buffer.from("}\n")]);

const refusal = (name: RefusalName, message: string): Buffer =>
  Buffer.from(`${JSON.stringify({ v: CONTROL_VERSION, ok: false, error: { name, message } })}\n`);

async function inTime(result: Promise<Payload>): Promise<Buffer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Buffer>(resolve => {
    timer = setTimeout(() => resolve(refusal("timedOut", "the gateway did not finish in time")), LIMITS.timeoutMs);
  });
  try {
    return await Promise.race([result.then(accept), late]);
  } finally {
    clearTimeout(timer);
  }
}
