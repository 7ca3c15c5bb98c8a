import { table } from "../chaos/verdict.ts";
import { crowd } from "./crowd.ts";

const [clients, ms, ...kinds] = process.argv.slice(2);
const verdicts = await crowd({
  clients: Number(clients),
  ms: Number(ms),
  log: console.log,
  ...(kinds.length > 0 && { kinds: kinds as never }),
});
console.log(table(verdicts));
process.exit(0);
