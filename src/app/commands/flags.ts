import { platformOf } from "../../lib/platform.ts";
import type { RunRecord } from "../../lib/run-file.ts";

/** What the command line of `start` may say beyond the configuration. */
export interface Flags {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly allowUnauthenticated?: boolean | undefined;
  readonly allowInsecureConfig?: boolean | undefined;
}

/** The same in words, for a process that goes on with it. */
export function flagsOf({ host, port, allowUnauthenticated, allowInsecureConfig }: Flags): string[] {
  return [
    ...(host === undefined ? [] : ["--host", host]),
    ...(port === undefined ? [] : ["--port", String(port)]),
    ...(allowUnauthenticated ? ["--allow-unauthenticated"] : []),
    ...(allowInsecureConfig ? ["--allow-insecure-config"] : []),
  ];
}

/**
 * The flags that a running gateway was started with. Its own command line is asked before the run file, which others who
 * may write there could have changed, to open the port to others at the next restart. Whoever starts a configuration that
 * others can change says so each time: that flag is never among them.
 */
export function runningFlags(record: RunRecord): string[] {
  const command = platformOf().sight.commandOf(record.pid);
  const written = Array.isArray(record.flags) ? record.flags.map(String) : [];
  const known = flagsIn(written);
  return command ? flagsOf({ ...known, ...loosening(flagsIn(command.args)) }) : flagsOf(known);
}

/** No word that would be read as another flag. */
const HOST = /^[\w.:[\]][\w.:[\]-]*$/;

/** Reads both spellings of each, and nothing else. */
function flagsIn(args: readonly string[]): Flags {
  const said = (names: readonly string[]): string | undefined =>
    args.flatMap((arg, index) => {
      if (names.includes(arg)) return args[index + 1] ?? [];
      const name = names.find(each => arg.startsWith(each.startsWith("--") ? `${each}=` : each));
      return name === undefined ? [] : arg.slice(name.length).replace(/^=/, "");
    })[0];
  const [named, port] = [said(["--host"]), said(["--port", "-p"])];
  const host = named !== undefined && HOST.test(named) ? named : undefined;
  const allowUnauthenticated = args.includes("--allow-unauthenticated");
  return { host, port: port !== undefined && /^\d+$/.test(port) ? Number(port) : undefined, allowUnauthenticated };
}

/** What lets others in. */
const loosening = ({ host, allowUnauthenticated }: Flags): Flags => ({ host, allowUnauthenticated });
