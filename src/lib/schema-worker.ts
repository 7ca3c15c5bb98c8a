import { parentPort } from "node:worker_threads";
import type { Kind } from "../core/catalog.ts";
import { Payload } from "../core/payload.ts";
import { repair } from "../core/repair.ts";
import { SCANNED_TEXT } from "../core/scan-limits.ts";
import { type SchemaRole, type Verdict, verdictOf } from "../core/schema-verdicts.ts";
import { type Compiled, createSchemaCompiler } from "./compile-schema.ts";

/** What the thread is asked for. */
export type Task =
  | { readonly task: "compile"; readonly role: SchemaRole; readonly text: string }
  /** `compiles`: whether schemas may be compiled; else what only a compiler could judge is left out. */
  | { readonly task: "repair"; readonly kind: Kind; readonly text: string; readonly compiles: boolean };

/** A repaired definition, as text. */
export type RepairedText =
  | { readonly kind: "kept" }
  | { readonly kind: "repaired"; readonly text: string; readonly reason: string }
  | { readonly kind: "hidden"; readonly reason: string };

const NOT_COMPILED: Verdict = { kind: "refused", reason: "it takes too long to compile", culprits: undefined };

// A thread of its own: this can take longer than anybody may wait for, and cannot be interrupted but by its end.
const compiler = createSchemaCompiler();
parentPort?.postMessage("ready");
parentPort?.on("message", (task: Task) => parentPort?.postMessage(RUN[task.task](task as never)));

const RUN = {
  compile: ({ role, text }: Extract<Task, { task: "compile" }>) => compiled(role, text),
  repair({ kind, text, compiles }: Extract<Task, { task: "repair" }>): RepairedText {
    const judge = (role: SchemaRole, schema: string): Verdict =>
      compiles ? verdictOf(compiled(role, schema)) : NOT_COMPILED;
    const found = repair(kind, Payload.parse(text, SCANNED_TEXT), judge);
    if (found.kind === "hidden") return found;
    if (found.kind === "kept") return { kind: "kept" };
    return { kind: "repaired", text: found.definition.bytes.toString(), reason: found.reason };
  },
};

function compiled(role: SchemaRole, text: string): Compiled {
  return compiler(text, role === "inputSchema");
}
