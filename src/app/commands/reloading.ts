import type { Config } from "../../config/schema.ts";
import { type Apart, isSame, setApart, type Waiting } from "../../config/set-apart.ts";
import type { PendingChange } from "../../core/status.ts";
import type { ReloadReport } from "../control/gateway-client.ts";
import type { Gateway } from "../gateway.ts";
import { newTwins } from "../likeness.ts";
import { printable } from "../terminal/printable.ts";
import { pendingLine } from "../terminal/summary.ts";
import { type Context, commandFor } from "./command.ts";

/** The configuration as it is on disk now. */
export interface Reread {
  readonly config: Config;
  /** Whether it may start what it names without a person: it is the user's own, or has been seen. */
  readonly isTrusted: boolean;
  /** A person takes it as it is. */
  trust(): void;
}

export interface Reloading {
  /** A person wants the file as it is. A bad one changes nothing. */
  byPerson(): Promise<ReloadReport>;
  /** The same, said at the terminal. */
  aloud(): Promise<void>;
  /** The file has changed, it is not known by whom: applies what is safe, and says what waits. */
  seen(): Promise<void>;
}

interface Parts {
  readonly gateway: Gateway;
  readonly config: Config;
  readonly configPath: string | null;
  reread(): Promise<Reread | { problems: readonly string[] }>;
}

/** Of what waits, at the terminal. */
const MAX_LINES = 20;

/** Brings changes of the configuration file to a running gateway. */
export function reloading({ gateway, config, configPath, reread }: Parts, context: Context): Reloading {
  const { terminal } = context;
  let running = config;
  let said = "";
  let isFirst = true;
  /** Each compares with what the one before has made of it. */
  const inTurn = oneByOne();

  function refuse(problems: readonly string[]): ReloadReport {
    gateway.rejected(`The configuration on disk was not taken: ${problems[0] ?? "it cannot be read"}`);
    gateway.waiting([]);
    return { ok: false, problems };
  }

  async function take(next: Config, waiting: readonly Waiting[]): Promise<readonly string[]> {
    gateway.rejected(undefined);
    const { waiting: details } = setApart(running, next, true);
    const done = (await gateway.reload(next)).map(
      change => details.find(detail => detail.change.startsWith(`${change}, `))?.change ?? change,
    );
    const changes = [...settingChanges(running, next), ...done];
    running = next;
    gateway.waiting(waiting.map((one): PendingChange => ({ ...one, until: "reload" })));
    return changes;
  }

  async function byPerson(): Promise<ReloadReport> {
    const read = await reread();
    if ("problems" in read) return refuse(read.problems);
    said = "";
    const changes = await take(read.config, []);
    try {
      read.trust();
    } catch {
      // It is asked about at the next start, no more.
    }
    return { ok: true, changes };
  }

  async function seen(): Promise<void> {
    const wasFirst = isFirst;
    isFirst = false;
    const read = await reread();
    if ("problems" in read) return tell(refuse(read.problems));
    const takesAll = running.watch === "all" && read.isTrusted;
    const { safe, waiting } = takesAll
      ? { safe: read.config, waiting: [] }
      : withoutNewTwins(running, setApart(running, read.config, running.watch === "off"));
    // At first it is looked at only because it may have changed while the gateway was being started.
    if (wasFirst && isSame(running, safe) && waiting.length === 0) return;
    const changes = await take(safe, waiting);
    const news = newsOf(waiting);
    if (changes.length > 0 || news === said) tell({ ok: true, changes });
    if (news !== said) {
      const how = commandFor("reload", configPath, context);
      terminal.err(
        news === ""
          ? "Nothing in the configuration waits any more."
          : `These changes of the configuration wait. If you made them: \`${printable(how)}\`.\n${news}`,
      );
    }
    said = news;
  }

  function tell(report: ReloadReport): void {
    terminal.err(
      report.ok
        ? `Reloaded. ${report.changes.map(printable).join("; ") || "Nothing changed."}`
        : `Not reloaded.\n${report.problems.join("\n\n")}`,
    );
  }

  const loudly = async (work: () => Promise<void>): Promise<void> => {
    try {
      await inTurn(work);
    } catch (error) {
      terminal.err(`Not reloaded: ${printable((error as Error).message)}`);
    }
  };
  return {
    byPerson: () => inTurn(byPerson),
    aloud: () => loudly(async () => tell(await byPerson())),
    seen: () => loudly(seen),
  };
}

/** Runs what it is given one after the other. */
function oneByOne(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return work => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}

/** What waits, a line each, as far as it fits. */
function newsOf(waiting: readonly Waiting[]): string {
  const all = waiting.map(one => `  ${printable(pendingLine({ ...one, until: "reload" }))}`);
  const more = all.length > MAX_LINES ? [`  and ${all.length - MAX_LINES} more: see \`rad mcp proxy status\``] : [];
  return [...all.slice(0, MAX_LINES), ...more].join("\n");
}

/** Settings that are harmless alone may make one upstream like another, and so a replica of it: then they wait. */
function withoutNewTwins(running: Config, { safe, waiting }: Apart): Apart {
  const twins = newTwins(running.upstreams, safe.upstreams);
  const runs = new Map(running.upstreams.map(upstream => [upstream.name, upstream]));
  const held = safe.upstreams.filter(
    upstream => twins.has(upstream.name) && !isSame(upstream, runs.get(upstream.name)),
  );
  if (held.length === 0) return { safe, waiting };
  const upstreams = safe.upstreams.map(upstream => (held.includes(upstream) ? runs.get(upstream.name)! : upstream));
  const more = held.map(({ name }): Waiting => {
    const reason = "it would be like another upstream, and could become its replica";
    return { key: `upstreams.${name}`, change: `changed upstream "${name}"`, reason, running: null, configured: null };
  });
  return withoutNewTwins(running, { safe: { ...safe, upstreams }, waiting: [...waiting, ...more] });
}

/** What changes beside the upstreams, of which the gateway tells itself. */
function settingChanges(running: Config, next: Config): string[] {
  const flat = ({ upstreams: _, security, ...settings }: Config): Readonly<Record<string, unknown>> => ({
    ...settings,
    ...Object.fromEntries(Object.entries(security).map(([key, value]) => [`security.${key}`, value])),
  });
  const [before, after] = [flat(running), flat(next)];
  return Object.keys(after)
    .filter(key => !isSame(before[key], after[key]))
    .map(key => (typeof after[key] === "object" ? `${key} changed` : `${key}: ${before[key]} → ${after[key]}`));
}
