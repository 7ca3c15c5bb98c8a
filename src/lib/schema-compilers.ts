import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { LRUCache } from "lru-cache";
import type { Kind } from "../core/catalog.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import type { Repair } from "../core/repair.ts";
import type { OpenSchema } from "../core/repairs.ts";
import { SCANNED_TEXT } from "../core/scan-limits.ts";
import { type SchemaVerdicts, type Verdict, verdictOf } from "../core/schema-verdicts.ts";
import { waitFor } from "../core/wait.ts";
import type { Compiled } from "./compile-schema.ts";
import type { RepairedText, Task } from "./schema-worker.ts";

/** The compilers that clients use, in a thread that is there only while it has something to do. */
export interface SchemaCompilers {
  readonly verdicts: SchemaVerdicts;
  /** Has schemas compiled, one after the other; resolves when that is done, or too many of them took too long. */
  compile(schemas: readonly OpenSchema[]): Promise<void>;
  /** Repairs one definition in the thread, schemas and all; `isSpent`: it took too long or too much. */
  repair(kind: Kind, definition: Payload, compiles: boolean): Promise<{ repair: Repair; isSpent: boolean }>;
  stop(): Promise<void>;
}

/** What one schema may take, and how many of those that were asked for at once may take more. Most take 2 ms. */
export const LIMITS = { eachMs: 2_000, tooMuch: 2 } as const;
const IDLE_MS = 5_000;
const START_MS = 20_000;
const MOST_KEPT = 20_000;
const MEMORY = { maxOldGenerationSizeMb: 128, stackSizeMb: 2 } as const;
const UNKNOWN: Verdict = { kind: "unknown" };

/** A verdict, and whether the thread that gave it is of no more use. */
interface Said {
  readonly verdict: Verdict;
  readonly isSpent: boolean;
}

export function createSchemaCompilers({
  clock,
  eachMs = LIMITS.eachMs,
}: {
  clock: Clock;
  /** How long one schema may take. */
  eachMs?: number;
}): SchemaCompilers {
  const { ask, end } = createThread(clock, eachMs);
  const verdicts = new LRUCache<string, Verdict>({ max: MOST_KEPT });
  let stopped = false;
  /** Turns are taken one by one, so that the schemas of one upstream do not keep those of the others waiting. */
  let turn: Promise<unknown> = Promise.resolve();

  async function compileOne({ role, text }: OpenSchema): Promise<Said> {
    const answer = await ask({ task: "compile", role, text });
    return answer ? saidIn(answer, eachMs) : { verdict: UNKNOWN, isSpent: true };
  }

  async function repairOne(kind: Kind, definition: Payload, compiles: boolean) {
    const answer = stopped
      ? undefined
      : await ask({ task: "repair", kind, text: definition.bytes.toString("utf8"), compiles });
    if (answer?.kind === "answer") return { repair: repairIn(answer.said as RepairedText, definition), isSpent: false };
    await end();
    const reason = `it takes longer than ${eachMs / 1000} s, or more memory than there is, to look at`;
    return { repair: { kind: "hidden", reason } as Repair, isSpent: true };
  }

  function inTurn(schema: OpenSchema): Promise<Said> {
    const key = keyOf(schema.role, schema.text);
    const next = turn.then(async () => {
      const known = verdicts.get(key);
      if (stopped || known) return { verdict: known ?? UNKNOWN, isSpent: false };
      const said = await compileOne(schema);
      if (said.isSpent) await end();
      if (said.verdict.kind !== "unknown") verdicts.set(key, said.verdict);
      return said;
    });
    turn = next.catch(() => {});
    return next;
  }

  return {
    verdicts: (role, text) => verdicts.get(keyOf(role, text)) ?? UNKNOWN,
    async compile(schemas) {
      let spent = 0;
      for (const schema of schemas) {
        if (stopped || spent >= LIMITS.tooMuch) return;
        if ((await inTurn(schema)).isSpent) spent++;
      }
    },
    repair(kind, definition, compiles) {
      const next = turn.then(() => repairOne(kind, definition, compiles));
      turn = next.catch(() => {});
      return next;
    },
    async stop() {
      stopped = true;
      await end();
    },
  };
}

/** A thread that is there while it is asked, and for a while after that. */
function createThread(clock: Clock, eachMs: number) {
  const file = workerFile();
  let worker: Promise<Worker | undefined> | undefined;
  let cancelIdle = (): void => {};

  async function end(): Promise<void> {
    cancelIdle();
    const ending = worker;
    worker = undefined;
    await (await ending)?.terminate();
  }

  /** `undefined` where the thread does not start, for want of memory or of anything else. */
  async function start(): Promise<Worker | undefined> {
    const started = new Worker(file, { resourceLimits: MEMORY, env: {}, stdout: true, stderr: true });
    // Its waiter hears of it without that.
    started.on("error", () => {});
    const isReady = await answerOf(started, START_MS, clock);
    if (isReady.kind === "answer") return started;
    await started.terminate();
    return undefined;
  }

  /** `undefined` where there is no thread. */
  async function ask(task: Task): Promise<Answer | undefined> {
    cancelIdle();
    worker ??= start();
    const asked = await worker;
    // A thread without an id has ended.
    if (!asked || asked.threadId < 0) return undefined;
    asked.postMessage(task);
    const answer = await answerOf(asked, eachMs, clock);
    cancelIdle = clock.after(IDLE_MS, () => void end());
    return answer;
  }

  return { ask, end };
}

const keyOf = (role: string, text: string): string => `${role} ${createHash("sha256").update(text).digest("base64")}`;

type Answer =
  | { readonly kind: "answer"; readonly said: unknown }
  | { readonly kind: "ended" }
  | { readonly kind: "late" };

/** The next word of the thread. */
function answerOf(worker: Worker, timeoutMs: number, clock: Clock): Promise<Answer> {
  return waitFor<Answer>({ late: { clock, afterMs: timeoutMs, gives: () => ({ kind: "late" }) } }, end => {
    const answered = (said: unknown): void => end({ kind: "answer", said });
    const ended = (): void => end({ kind: "ended" });
    worker.on("message", answered).on("exit", ended);
    // A command that ends as soon as it knows all has nothing else that keeps it alive.
    worker.ref();
    return () => void worker.off("message", answered).off("exit", ended).unref();
  });
}

function repairIn(said: RepairedText, definition: Payload): Repair {
  if (said.kind === "hidden") return said;
  if (said.kind === "kept") return { kind: "kept", definition };
  return { kind: "repaired", definition: Payload.parse(said.text, SCANNED_TEXT), reason: said.reason };
}

function saidIn(answer: Answer, eachMs: number): Said {
  const refused = (reason: string): Verdict => ({ kind: "refused", reason, culprits: undefined });
  switch (answer.kind) {
    case "answer":
      return { verdict: verdictOf(answer.said as Compiled), isSpent: false };
    case "ended":
      return { verdict: refused("it takes more memory to compile than there is"), isSpent: true };
    case "late":
      return { verdict: refused(`it takes longer than ${eachMs / 1000} s to compile`), isSpent: true };
  }
}

/** The built thread lies beside the running bundle, whose chunks are one folder deeper. */
function workerFile(): string {
  const places = ["./schema-worker.js", "../schema-worker.js", "../../dist/schema-worker.js"];
  const found = places.map(place => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
  if (found === undefined) throw new Error("schema-worker.js is missing beside the program: run `npm run build`");
  return found;
}
