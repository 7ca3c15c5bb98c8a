import { type Command, type Common, placesFor, readConfig, running, standingOf } from "./command.ts";
import { startDetached } from "./detach.ts";
import { stopRunning } from "./stop.ts";

export interface RestartOptions extends Common {
  readonly timeout?: number | undefined;
}

/** Ends the gateway, if it runs, and starts it in the background with the flags it was started with. */
export const restart: Command<RestartOptions> = async (options, context) => {
  const places = placesFor(options, context);
  // A configuration that does not start must not cost the gateway that runs.
  if (places.configPath !== null) await readConfig(places.configPath, context);
  const record = running(standingOf(places));
  if (record) await stopRunning(record, { places, graceMs: (options.timeout ?? 30) * 1000 }, context);
  return startDetached(places, record?.flags ?? [], context);
};
