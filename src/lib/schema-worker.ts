import { parentPort } from "node:worker_threads";
import { createSchemaCompiler } from "./compile-schema.ts";

// A thread of its own: compiling can take longer than anybody may wait for, and cannot be interrupted but by its end.
const compile = createSchemaCompiler();
parentPort?.postMessage("ready");
parentPort?.on("message", ({ text, findsCulprits }: { text: string; findsCulprits: boolean }) => {
  parentPort?.postMessage(compile(text, findsCulprits));
});
