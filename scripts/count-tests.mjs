// Prints "passed failed skipped" for a report of vitest's JSON reporter. Whatever went wrong without a failed test of
// its own (a check, a file that does not load, an unhandled rejection, a run that was cut) counts as one failure each.
// Usage: node scripts/count-tests.mjs REPORT EXIT_CODE_OF_TESTS EXIT_CODES_OF_WHAT_ELSE_RAN…
import { readFileSync } from "node:fs";

const [file, testsCode, ...otherCodes] = process.argv.slice(2);

function read() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  }
}

const report = read();
const unloadable = report.testResults.filter(({ status, assertionResults }) => {
  return status === "failed" && assertionResults.every(test => test.status !== "failed");
});
const inTests = report.numFailedTests + unloadable.length;
const silent = inTests === 0 && testsCode !== "0" ? 1 : 0;
const failed = inTests + silent + otherCodes.filter(code => code !== "0").length;
console.log(report.numPassedTests, failed, report.numPendingTests + report.numTodoTests);
