import { type Command, type Common, placesFor, running, standingOf } from "./command.ts";
import { startDetached } from "./detach.ts";
import { requireFree } from "./port.ts";
import { stopRunning } from "./stop.ts";
import { readTrusted } from "./trusting.ts";

export interface RestartOptions extends Common {
  readonly timeout?: number | undefined;
}

/** What `start` writes down. Other words in a run file are not ours, and would choose another configuration. */
const FLAGS: Readonly<Record<string, RegExp | undefined>> = {
  "--host": /^[\w.:[\]-]+$/,
  "--port": /^\d{1,5}$/,
  "--allow-unauthenticated": undefined,
};

/** Whoever starts a configuration that others can change says so each time. */
function flagsIn(written: readonly string[], { allowInsecureConfig }: RestartOptions): string[] {
  const flags = allowInsecureConfig ? ["--allow-insecure-config"] : [];
  for (let at = 0; at < written.length; at++) {
    const name = written[at] ?? "";
    if (!Object.hasOwn(FLAGS, name)) continue;
    const operand = FLAGS[name];
    const value = operand && (written[++at] ?? "");
    if (value === undefined) flags.push(name);
    else if (operand?.test(value)) flags.push(name, value);
  }
  return flags;
}

/** Ends the gateway, if it runs, and starts it in the background with the flags it was started with. */
export const restart: Command<RestartOptions> = async (options, context) => {
  const places = placesFor(options, context);
  const record = running(standingOf(places));
  // A configuration that does not start must not cost the gateway that runs.
  if (places.configPath !== null) {
    const { host, port } = (await readTrusted(places.configPath, options, context)).config;
    const isOurs = record?.address?.port === port || record?.flags.includes("--port");
    if (record && !isOurs) await requireFree({ host, port }, context);
  }
  if (record) await stopRunning(record, { places, graceMs: (options.timeout ?? 30) * 1000 }, context);
  return startDetached(places, flagsIn(record?.flags ?? [], options), context);
};
