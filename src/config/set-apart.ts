/** Parts a changed configuration into what may be applied without a person, and what waits for one. Pure. */
import { BEHIND, type Behind } from "./behind.ts";
import type { Config, UpstreamConfig } from "./schema.ts";
import { proxyVerdict, securityVerdict, upstreamVerdict, type Verdict } from "./verdicts.ts";

/** A change that waits. Holds no value of an upstream's settings: they may be secret. */
export interface Waiting {
  /** Where in the file: `port`, `security.redact_patterns`, `upstreams.files`. */
  readonly key: string;
  readonly change: string;
  readonly reason: string;
  /** The values, where they can be shown; else `null`. */
  readonly running: unknown;
  readonly configured: unknown;
}

export interface Apart {
  /** What runs, with every safe change. */
  readonly safe: Config;
  readonly waiting: readonly Waiting[];
}

/**
 * What was understood of two files; variables are filled in, so a changed variable is a change. `nothing`: no change is
 * safe.
 */
export function setApart(running: Config, wanted: Config, nothing = false): Apart {
  const { upstreams, security, ...settings } = running;
  const judged = (verdictOf: VerdictOf): VerdictOf => (nothing ? () => OFF : verdictOf);
  const proxy = takeSafe(settings, wanted, { verdictOf: judged(proxyVerdict), whole: running, prefix: "" });
  const guarded = takeSafe(security, wanted.security, {
    ...{ verdictOf: judged(securityVerdict), whole: running, prefix: "security." },
  });
  const fleet = setUpstreamsApart(running, wanted, judged(upstreamVerdict));
  return {
    safe: { ...proxy.safe, security: guarded.safe, upstreams: fleet.safe },
    waiting: [...proxy.waiting, ...guarded.waiting, ...fleet.waiting],
  };
}

type VerdictOf = (key: string) => Verdict<unknown>;
const OFF: Verdict<unknown> = { safe: () => false, why: 'watch = "off"' };

export const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const at = (table: object, key: string): unknown => (table as Readonly<Record<string, unknown>>)[key];

/** Keys whose values differ. */
function changedKeys(running: object, wanted: object): string[] {
  const keys = [...new Set([...Object.keys(running), ...Object.keys(wanted)])];
  return keys.filter(key => !isSame(at(running, key), at(wanted, key)));
}

function takeSafe<Table extends object>(
  running: Table,
  wanted: object,
  { verdictOf, whole, prefix }: { verdictOf: VerdictOf; whole: Config; prefix: string },
): { safe: Table; waiting: Waiting[] } {
  const safe = { ...running } as Record<string, unknown>;
  const waiting: Waiting[] = [];
  for (const key of changedKeys(running, wanted)) {
    if (OWN_TABLES.has(key)) continue;
    const verdict = verdictOf(key);
    if (verdict.safe(safe[key], at(wanted, key), whole)) {
      safe[key] = at(wanted, key);
      continue;
    }
    const shown = isShown(safe[key]) && isShown(at(wanted, key));
    waiting.push({
      key: `${prefix}${key}`,
      change: `${prefix}${key} changed`,
      reason: verdict.why,
      running: shown ? safe[key] : null,
      configured: shown ? at(wanted, key) : null,
    });
  }
  return { safe: safe as Table, waiting };
}

/** Those of the outer table are handled by themselves. */
const OWN_TABLES: ReadonlySet<string> = new Set(["security", "upstreams"]);
const isShown = (value: unknown): boolean => typeof value !== "object" || value === null;

/**
 * An upstream is applied as a whole or waits as a whole: its other settings were written for the place that waits. None
 * is added, removed or moved. A removed one gives its names to others, and comes back as a program that is started.
 */
function setUpstreamsApart(
  running: Config,
  wanted: Config,
  verdictOf: VerdictOf,
): { safe: UpstreamConfig[]; waiting: Waiting[] } {
  const wantedOf = new Map(wanted.upstreams.map(upstream => [upstream.name, upstream]));
  const known = new Set(running.upstreams.map(({ name }) => name));
  const waiting: Waiting[] = [];
  const wait = (name: string, change: string, reason: string): void => {
    waiting.push({ key: `upstreams.${name}`, change, reason, running: null, configured: null });
  };
  const safe = running.upstreams.map(upstream => {
    const next = wantedOf.get(upstream.name);
    if (next === undefined) {
      wait(upstream.name, `removed upstream "${upstream.name}"`, "its names can fall to another server");
      return upstream;
    }
    const held = unsafeKeys(upstream, next, { verdictOf, whole: running });
    const [first] = held;
    if (first === undefined) return next;
    const keys = held.map(({ key }) => key).join(", ");
    wait(upstream.name, `changed upstream "${upstream.name}": ${keys}`, first.why);
    return upstream;
  });
  for (const upstream of wanted.upstreams) {
    if (known.has(upstream.name)) continue;
    const { does, reason } = STARTING[BEHIND[upstream.transport]].added(upstream);
    wait(upstream.name, `added upstream "${upstream.name}", which ${does}`, reason);
  }
  const [before, after] = [running, wanted].map(({ upstreams }) =>
    upstreams.map(({ name }) => name).filter(name => known.has(name) && wantedOf.has(name)),
  );
  if (!isSame(before, after)) {
    const moved = { change: "changed the order of the upstreams", reason: "names can fall to another server" };
    waiting.push({ key: "upstreams", ...moved, running: before, configured: after });
  }
  return { safe, waiting };
}

function unsafeKeys(
  running: UpstreamConfig,
  wanted: UpstreamConfig,
  { verdictOf, whole }: { verdictOf: VerdictOf; whole: Config },
): { key: string; why: string }[] {
  return changedKeys(running, wanted).flatMap(key => {
    const verdict = verdictOf(key);
    if (!verdict.safe(at(running, key), at(wanted, key), whole)) return [{ key, why: verdict.why }];
    const { anew } = STARTING[BEHIND[running.transport]];
    return verdict.live || anew === undefined ? [] : [{ key, why: anew }];
  });
}

interface Starting {
  /** What a new one does. Arguments, paths and queries may be secret. */
  added(upstream: UpstreamConfig): { readonly does: string; readonly reason: string };
  /** Why a changed one waits whatever has changed; `undefined`: it does not. */
  readonly anew?: string;
}
const STARTING: Readonly<Record<Behind, Starting>> = {
  program: {
    added: one => ({ does: `starts ${"command" in one ? one.command : "a program"}`, reason: "it starts a program" }),
    // The program may have been written by the author of the file.
    anew: "its program would be restarted",
  },
  address: {
    added: one => ({ does: `reaches ${originOf("url" in one ? one.url : "")}`, reason: "it reaches a new place" }),
  },
};

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : "another place");

/** The same configuration but for settings that take effect at once: what runs can stay. */
export function differsOnlyLive(running: UpstreamConfig, wanted: UpstreamConfig): boolean {
  return changedKeys(running, wanted).every(key => upstreamVerdict(key).live === true);
}
