import { connect } from "node:net";
import { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import { waitFor } from "../../core/wait.ts";
import { systemClock } from "../../lib/clock.ts";
import { CONTROL_VERSION, LIMITS, numberIn, type Op, type RefusalName, readLine, readObject } from "./protocol.ts";

export type Answer =
  | { readonly kind: "answer"; readonly result: Payload }
  /** Nothing listens there. */
  | { readonly kind: "unreachable"; readonly detail: string }
  /** Somebody does, and does not answer in time. */
  | { readonly kind: "silent" }
  | { readonly kind: "refused"; readonly name: RefusalName; readonly message: string };

export interface Question {
  readonly op: Op;
  /** Further members of the request. */
  readonly with?: Readonly<Record<string, unknown>>;
  /** A tool's arguments, as they are. */
  readonly args?: Payload;
  /** May be infinite. */
  readonly timeoutMs?: number;
  readonly signal?: Signal;
}

/** Asks a gateway one thing through its control socket. Never rejects. */
export function ask(path: string, question: Question): Promise<Answer> {
  const socket = connect(path);
  let failure = "it closed the connection without an answer";
  socket.on("error", error => {
    failure = error.message;
  });
  const { timeoutMs = LIMITS.timeoutMs, signal } = question;
  const unreachable = (): Answer => ({ kind: "unreachable", detail: failure });
  const limit = {
    late: { clock: systemClock, afterMs: timeoutMs, gives: (): Answer => ({ kind: "silent" }) },
    ...(signal && { aborted: { signal, gives: unreachable } }),
  };
  return waitFor<Answer>(limit, end => {
    socket.write(requestLine(question));
    void readLine(socket, LIMITS.answerBytes).then(line => end(line === undefined ? unreachable() : readAnswer(line)));
    return () => socket.destroy();
  });
}

function requestLine(question: Question): Buffer {
  const request = Payload.of({ v: CONTROL_VERSION, op: question.op, ...question.with });
  const whole = question.args ? request.with({ args: question.args.bytes }) : request;
  return Buffer.concat([whole.bytes, Buffer.from("\n")]);
}

function readAnswer(line: Buffer | "too_large"): Answer {
  if (line === "too_large") return { kind: "refused", name: "tooLarge", message: "the answer is too large" };
  const answer = readObject(line);
  if (!answer) return { kind: "refused", name: "internal", message: "the answer is not a JSON object" };
  const version = numberIn(answer, "v", 0);
  if (version !== CONTROL_VERSION) {
    const message = `the gateway speaks version ${version} of the control protocol, this command version ${CONTROL_VERSION}`;
    return { kind: "refused", name: "otherVersion", message };
  }
  const result = answer.object("result");
  if (result) return { kind: "answer", result };
  const error = answer.object("error");
  const name = (error?.string("name") ?? "internal") as RefusalName;
  return {
    kind: "refused",
    name,
    message: error?.string("message") ?? "the gateway answered with neither result nor error",
  };
}
