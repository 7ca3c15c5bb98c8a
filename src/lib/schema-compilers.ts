import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { LRUCache } from "lru-cache";
import type { Clock } from "../core/ports.ts";
import type { OpenSchema } from "../core/repairs.ts";
import type { SchemaVerdicts, Verdict } from "../core/schema-verdicts.ts";
import type { Compiled } from "./compile-schema.ts";

/** The compilers that clients use, in a thread that is there only while it has something to do. */
export interface SchemaCompilers {
  readonly verdicts: SchemaVerdicts;
  /** Has schemas compiled, one after the other; resolves when that is done or has taken too long. */
  compile(schemas: readonly OpenSchema[]): Promise<void>;
  stop(): Promise<void>;
}

/** What one schema, and all that were asked for at once, may take. Most take 2 ms. */
const LIMITS = { eachMs: 1_000, allMs: 5_000, tooSlow: 2 } as const;
const IDLE_MS = 5_000;
const MOST_KEPT = 20_000;
const MEMORY = { maxOldGenerationSizeMb: 128, stackSizeMb: 2 } as const;
const refusedFor = (reason: string): Verdict => ({ kind: "refused", reason, culprits: undefined });
const TOO_SLOW = refusedFor(`it takes longer than ${LIMITS.eachMs / 1000} s to compile`);
const TOO_MUCH = refusedFor("it takes more memory to compile than there is");
const COMPILES: Verdict = { kind: "compiles" };
const UNKNOWN: Verdict = { kind: "unknown" };

export function createSchemaCompilers({ clock }: { clock: Clock }): SchemaCompilers {
  const file = workerFile();
  const verdicts = new LRUCache<string, Verdict>({ max: MOST_KEPT });
  let worker: Worker | undefined;
  let stopped = false;
  let cancelIdle = (): void => {};
  /** Turns are taken one by one, so that the schemas of one upstream do not keep those of the others waiting. */
  let turn: Promise<unknown> = Promise.resolve();

  async function end(): Promise<void> {
    cancelIdle();
    const ending = worker;
    worker = undefined;
    await ending?.terminate();
  }

  async function compileOne({ role, text }: OpenSchema): Promise<Verdict> {
    cancelIdle();
    worker ??= new Worker(file, { resourceLimits: MEMORY, env: {}, stdout: true, stderr: true });
    const asked = worker;
    const verdict = await ask(asked, { text, findsCulprits: role === "inputSchema" }, clock);
    if (verdict === TOO_SLOW || verdict === TOO_MUCH) await end();
    cancelIdle = clock.after(IDLE_MS, () => void end());
    return verdict;
  }

  function inTurn(schema: OpenSchema): Promise<Verdict> {
    const key = keyOf(schema.role, schema.text);
    const next = turn.then(async () => {
      if (stopped) return UNKNOWN;
      const known = verdicts.get(key) ?? (await compileOne(schema));
      if (known.kind !== "unknown") verdicts.set(key, known);
      return known;
    });
    turn = next.catch(() => {});
    return next;
  }

  return {
    verdicts: (role, text) => verdicts.get(keyOf(role, text)) ?? UNKNOWN,
    async compile(schemas) {
      const until = clock.now() + LIMITS.allMs;
      let tooSlow = 0;
      for (const schema of schemas) {
        if (stopped || clock.now() > until || tooSlow >= LIMITS.tooSlow) return;
        const verdict = await inTurn(schema);
        if (verdict === TOO_SLOW || verdict === TOO_MUCH) tooSlow++;
      }
    },
    async stop() {
      stopped = true;
      await end();
    },
  };
}

const keyOf = (role: string, text: string): string => `${role} ${createHash("sha256").update(text).digest("base64")}`;

/** A thread that ends, for want of memory or of stack, has no good word for what it was given. */
function ask(worker: Worker, question: object, clock: Clock): Promise<Verdict> {
  return new Promise(resolve => {
    const finish = (verdict: Verdict): void => {
      cancel();
      for (const [event, listener] of listeners) worker.off(event, listener);
      resolve(verdict);
    };
    const answered = ({ reason, culprits }: Compiled): void =>
      finish(reason === undefined ? COMPILES : { kind: "refused", reason, culprits });
    const ended = (): void => finish(TOO_MUCH);
    const listeners = [
      ["message", answered],
      ["error", ended],
      ["exit", ended],
    ] as const;
    for (const [event, listener] of listeners) worker.on(event, listener);
    const cancel = clock.after(LIMITS.eachMs, () => finish(TOO_SLOW));
    worker.unref();
    worker.postMessage(question);
  });
}

/** The built thread lies beside the running bundle, whose chunks are one folder deeper. */
function workerFile(): string {
  const places = ["./schema-worker.js", "../schema-worker.js", "../../dist/schema-worker.js"];
  const found = places.map(place => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
  if (found === undefined) throw new Error("schema-worker.js is missing beside the program: run `npm run build`");
  return found;
}
