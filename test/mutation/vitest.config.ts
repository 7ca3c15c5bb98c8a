import { defineConfig } from "vitest/config";

/** Those tests that guard one file. A mutant lives in one process: tests that start the built gateway never meet it. */
export default defineConfig({
  test: {
    setupFiles: ["test/fixtures/setup.ts"],
    provide: { leaks: "units" },
    include: (process.env.MUTATION_TESTS ?? "src/**/*.test.ts").split(","),
    testTimeout: 60_000,
  },
});
