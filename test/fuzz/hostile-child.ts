import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Asked, honestAnswer } from "./hostile-answers.ts";

/** A server on stdin and stdout. A call is answered after the lines, in base64, of a file that the call names by number. */
const items = readFileSync(process.argv[2] ?? "", "utf8")
  .split("\n")
  .map(line => Buffer.from(line, "base64").toString("latin1"));

createInterface({ input: process.stdin }).on("line", line => {
  const asked = JSON.parse(line) as Asked;
  const { from = 0, to = 0 } = asked.params?.arguments ?? {};
  for (const item of items.slice(from, to)) {
    process.stdout.write(Buffer.from(`${item.replaceAll("{{id}}", String(asked.id))}\n`, "latin1"));
  }
  const answer = honestAnswer(asked);
  if (answer !== undefined) process.stdout.write(`${answer}\n`);
});
process.stdin.on("end", () => process.exit(0));
