import type { Payload } from "../../core/payload.ts";
import type { Status } from "../../core/status.ts";
import type { RunRecord } from "../../lib/run-file.ts";
import { fail, failure, trouble } from "../errors.ts";
import { type Answer, ask, type Question } from "./client.ts";
import type {
  CallAnswer,
  CallFailure,
  GatewayClient,
  Listing,
  ReloadReport,
  StopReport,
  TestReport,
} from "./gateway-client.ts";
import { LIMITS } from "./protocol.ts";

/** What can be asked of a running gateway. Every method throws `CommandFailed` when it does not answer. */
export interface RemoteClient extends GatewayClient {
  stop(graceMs: number): Promise<StopReport>;
  reload(): Promise<ReloadReport>;
}

/** What a gateway that is well answers in, however busy. */
export const ANSWER_MS = 5_000;
/** A tool may take as long as its caller waits. */
const CALL_MS = Number.POSITIVE_INFINITY;

/** The client of the gateway that a run file names. */
export function remoteClient(record: RunRecord): RemoteClient {
  const put = async (question: Question): Promise<Payload> => resultOf(await ask(record.socket, question), record);
  const waiting = (op: Question["op"], waitMs: number) =>
    put({ op, with: { waitMs: Math.min(waitMs, LIMITS.timeoutMs / 2) }, timeoutMs: waitMs + ANSWER_MS });
  return {
    status: async ({ waitMs }) => (await waiting("status", waitMs)).value<Status & Record<string, unknown>>(),
    catalog: async ({ waitMs }) => (await waiting("catalog", waitMs)).value<Listing & Record<string, unknown>>(),
    test: async ({ waitMs }) => (await waiting("test", waitMs)).value<TestReport & Record<string, unknown>>(),
    call: async ({ name, args, signal }) => {
      if (args.size > LIMITS.callBytes - 4096) {
        fail("usage", "The arguments are too large for the control socket", {
          where: "--args",
          help: ["Send less than 4 MiB."],
        });
      }
      return decodeCall(await put({ op: "call", with: { name }, args, signal, timeoutMs: CALL_MS }));
    },
    stop: async graceMs =>
      (await put({ op: "stop", with: { graceMs }, timeoutMs: graceMs + 10_000 })).value<
        StopReport & Record<string, unknown>
      >(),
    reload: async () => (await put({ op: "reload" })).value<ReloadReport & Record<string, unknown>>(),
    close: async () => {},
  };
}

function resultOf(answer: Answer, record: RunRecord): Payload {
  if (answer.kind === "answer") return answer.result;
  throw failure(silence(answer, record));
}

/** Why a gateway that should run did not answer. */
function silence(answer: Exclude<Answer, { kind: "answer" }>, record: RunRecord) {
  const where = `process ${record.pid}, control socket ${record.socket}`;
  if (answer.kind !== "refused") {
    const detail = answer.kind === "silent" ? "it does not answer in time" : answer.detail;
    return trouble("noAnswer", `The gateway (pid ${record.pid}) does not answer: ${detail}`, {
      where,
      help: ["If it has just started, try again.", "Otherwise end it with `rad mcp proxy stop`, and start it again."],
    });
  }
  if (answer.name === "otherVersion") {
    return trouble("otherVersion", `The gateway is of another version: ${answer.message}`, {
      where,
      help: [
        `The gateway is version ${record.version}. Use that version of \`rad\`, or end it (\`kill ${record.pid}\`) and start it again.`,
      ],
    });
  }
  const error = answer.name === "timedOut" ? "timedOut" : "internal";
  return trouble(error, `The gateway could not do it: ${answer.message}`, {
    where,
    help: ["See `rad mcp proxy status`."],
  });
}

function decodeCall(answer: Payload): CallAnswer {
  const upstream = answer.string("upstream") ?? null;
  const result = answer.object("result");
  if (answer.string("kind") === "done" && result) return { kind: "done", upstream, result };
  if (answer.string("kind") === "asks") return { kind: "asks", upstream };
  return { kind: "failed", failure: answer.value<{ failure: CallFailure }>().failure };
}
