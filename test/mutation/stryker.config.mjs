import { fileURLToPath } from "node:url";

const here = path => fileURLToPath(new URL(path, import.meta.url));

export default {
  testRunner: "vitest",
  plugins: [here("node_modules/@stryker-mutator/vitest-runner/dist/src/index.js")],
  vitest: { configFile: "test/mutation/vitest.config.ts", related: false },
  coverageAnalysis: "perTest",
  // A text for people may be worded otherwise; what it is about is decided elsewhere.
  mutator: { excludedMutations: ["StringLiteral"] },
  ignoreStatic: false,
  concurrency: 2,
  timeoutMS: 5_000,
  tempDirName: ".cache/mutation",
  ignorePatterns: ["/.cache", "/dist/*.json", "/test/peers", "/test/mutation/node_modules", "/fuzz/corpus"],
  reporters: ["json"],
  jsonReporter: { fileName: "dist/mutation.json" },
  allowConsoleColors: false,
  logLevel: "error",
};
