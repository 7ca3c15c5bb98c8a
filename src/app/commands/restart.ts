import { type Command, type Common, placesFor, running, standingOf } from "./command.ts";
import { startDetached } from "./detach.ts";
import { flagsOf, runningFlags } from "./flags.ts";
import { requireFree } from "./port.ts";
import { stopRunning } from "./stop.ts";
import { readTrusted } from "./trusting.ts";

export interface RestartOptions extends Common {
  readonly timeout?: number | undefined;
}

/** Ends the gateway, if it runs, and starts it in the background with the flags it was started with. */
export const restart: Command<RestartOptions> = async (options, context) => {
  const places = placesFor(options, context);
  const record = running(standingOf(places));
  const { allowInsecureConfig } = options;
  const flags = [...(record ? runningFlags(record) : []), ...flagsOf({ allowInsecureConfig })];
  // A configuration that does not start must not cost the gateway that runs.
  if (places.configPath !== null) {
    const { host, port } = (await readTrusted(places.configPath, options, context)).config;
    const isOurs = record?.address?.port === port || flags.includes("--port");
    if (record && !isOurs) await requireFree({ host, port }, context);
  }
  if (record) await stopRunning(record, { places, graceMs: (options.timeout ?? 30) * 1000 }, context);
  return startDetached(places, flags, context);
};
