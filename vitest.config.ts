import { defineConfig } from "vitest/config";

/** Tests that start the built gateway, or servers and clients of others, as processes. */
const PROCESSES = [
  "test/{chaos,cli,conformance,e2e,faults,fuzz,peers,soak}/**/*.test.ts",
  "test/{differential,eras,isolation}.test.ts",
  "test/fixtures/**/*.test.ts",
];

export default defineConfig({
  test: {
    setupFiles: ["test/fixtures/setup.ts"],
    // Far beyond what any test needs: a machine that is busy with other things is slow, not wrong.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          provide: { leaks: "units" },
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/node_modules/**", ...PROCESSES],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // After the unit tests, so that neither starves the other; a process that waits for its turn is slow, not broken.
        extends: true,
        test: {
          name: "processes",
          provide: { leaks: "processes" },
          include: PROCESSES,
          exclude: ["**/node_modules/**"],
          globalSetup: ["test/fixtures/build.ts"],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
