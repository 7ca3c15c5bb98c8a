import { readFileSync } from "node:fs";
import type { Config, UpstreamConfig } from "../config/schema.ts";
import type { AgentContact, Front } from "../core/front.ts";
import type { OwnerId } from "../core/names.ts";
import { createPressure } from "../core/pressure.ts";
import { createRepairs } from "../core/repairs.ts";
import { createKnownSecrets } from "../core/secrets/known-secrets.ts";
import type { LogStatus, PendingChange, UpstreamStatus } from "../core/status.ts";
import { ENTRANCES } from "../downstream/entrances.ts";
import { createHttpFront } from "../downstream/http.ts";
import { serveStdio } from "../downstream/stdio.ts";
import { overload } from "../guard/overload.ts";
import { createRedactor } from "../guard/redact.ts";
import { references } from "../guard/references.ts";
import { systemClock } from "../lib/clock.ts";
import { watchLoad } from "../lib/load.ts";
import { openLog } from "../lib/log-file.ts";
import { memoryBus } from "../lib/memory-bus.ts";
import { memoryStore } from "../lib/memory-store.ts";
import { platformOf } from "../lib/platform.ts";
import { replaceFile } from "../lib/replace-file.ts";
import { createSchemaCompilers } from "../lib/schema-compilers.ts";
import { createSealer } from "../lib/seal.ts";
import { readSealKey, SEAL_KEY_VARIABLE } from "../lib/seal-key.ts";
import { createProcessRegistry, type RecordedGroup, sweepGroups } from "../upstream/child/process-registry.ts";
import { createPool, type Pool } from "../upstream/pool.ts";
import { transportOf } from "../upstream/transports.ts";
import { type Catalogs, createCatalogs, servingResources } from "./catalogs.ts";
import { secretsOf } from "./configured-secrets.ts";
import { fail } from "./errors.ts";
import type { Gateway, GatewayOptions, Listening } from "./gateway.ts";
import { holdBack } from "./held-back.ts";
import { inspectOffer } from "./inspect-offer.ts";
import { assembleHandle } from "./layers.ts";
import { createLoadedOffers } from "./loaded-offers.ts";
import { createOfferStore } from "./offer-store.ts";
import { statusOf, withoutSecrets } from "./report.ts";
import { createShutdown, type Edge } from "./shutdown.ts";
import { createSources } from "./sources.ts";
import { createSpokenStore } from "./spoken-store.ts";
import { watching } from "./watching.ts";

const MAX_BUCKETS = 100_000;
/** What an open port cannot change. */
const LATE = ["host", "port", "transport", "max_connections", "allowed_hosts", "allowed_origins"] as const;
const LOG = { maxBytes: 64 * 1024 * 1024, keep: 3 } as const;

/**
 * The whole gateway. Starting is a reload from the empty configuration: `apply` is the only way in which anything is
 * ever built or replaced.
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { keep, version, clock = systemClock, secrets = createKnownSecrets() } = options;
  const startedAt = clock.wall();
  const troubles: string[] = [];
  let rejections: readonly string[] = [];
  const trouble = (detail: string): void => {
    if (troubles.length < 20 && !troubles.includes(detail)) troubles.push(detail);
  };
  const load = watchLoad();
  const pressure = createPressure({ clock, look: load.look });
  const capacity = overload({ pressure });
  const store = memoryStore({ clock, maxBuckets: MAX_BUCKETS });
  const bus = memoryBus();
  const log = openLog({ path: keep.log, ...LOG, clock, onTrouble: options.tell });
  const groups = keepGroups(keep.children);
  const registry = createProcessRegistry({ onChange: groups.save });
  process.once("exit", registry.killAll);
  const offers = createOfferStore(keep.catalogs, trouble);
  const loaded = createLoadedOffers({ folder: keep.catalogs, trouble, now: clock.now });
  const sources = createSources(loaded);
  const spoken = createSpokenStore(keep.catalogs, trouble);
  const contacts = new Map<OwnerId, AgentContact>();
  const watchers = new Set<(status: UpstreamStatus) => void>();

  const compilers = createSchemaCompilers({ clock });
  const repairs = createRepairs(compilers.verdicts);
  /** Whoever starts us waits for the port, and children would take the machine's strength from opening it. */
  const starts = holdBack();
  let config: Config = { ...options.config, upstreams: [] };
  const pool: Pool = createPool({
    clock,
    random: Math.random,
    identity: { name: "radium-mcp-proxy", version },
    registry,
    environment: process.env,
    baseDir: options.baseDir,
    ...{ pressure, secrets },
    contact: owner => contacts.get(owner),
    begin: starts.run,
    known: name => offers.load(name, identityOf(config.upstreams.find(upstream => upstream.name === name))),
    offered(upstream, offer) {
      offers.save(offer, identityOf(upstream.config));
      if (pool.get(upstream.name) === upstream) sources.note(upstream);
      catalogs.rebuildSoon();
    },
    noticed: (upstream, kinds, owner) => catalogs.noticed(upstream.name, { kinds, owner }),
    varied: (upstream, kinds, owner) => catalogs.varied(upstream.name, { kinds, owner }),
    async inspect(offer) {
      if (sources.hasTwin(offer.upstream)) await loaded.prepare(offer);
      return inspectOffer(offer, { repairs, compilers, now: clock.now });
    },
    recall: upstream => spoken.load(upstream.name, identityOf(upstream)),
    keep: (upstream, found) => spoken.save(upstream.name, identityOf(upstream), found),
    stale: (upstream, uri) => reads.forget(upstream.name, uri),
    changed(upstream) {
      catalogs.tried();
      watches.renew();
      for (const watch of watchers) watch(withoutSecrets(upstream.status(), redactor));
    },
  });
  const catalogs: Catalogs = createCatalogs({ pool, sources, rules: config, clock, bus, version, repairs });
  let redactor = createRedactor(config.security.redact_patterns, secrets);
  const key = sealKey(keep.sealKey, trouble);
  secrets.learn([key.toString("hex"), key.toString("base64")]);
  const sealer = createSealer(key, { clock });
  const remembered = references({ serving: () => servingResources(pool.upstreams) });
  const lasting = { pool, store, clock, log, sealer, capacity, remembered };
  let { handle, flush, reads } = assembleHandle({ config, redactor, ...lasting });
  const edges: Edge[] = [];
  let listening: Listening | undefined;
  /** What the port was opened with. */
  let opened: Config | undefined;
  let opensPort = false;

  const watches = watching({ pool, catalogs, sealer, references: remembered });
  catalogs.onChange(({ view, kinds }) => {
    if (view.kind === "all" && (kinds.includes("resource") || kinds.includes("template"))) watches.reconsider();
  });
  const front: Front = {
    handle: call => handle(call),
    ...{ sealer, pressure },
    view: catalogs.view,
    subscribe: watches.subscribe,
    follow: watches.follow,
    attend(owner, contact) {
      contacts.set(owner, contact);
      return () => {
        if (contacts.get(owner) === contact) contacts.delete(owner);
      };
    },
    tell: (owner, notice) => pool.tell(owner, notice),
    release: owner => pool.release(owner),
    onChange: catalogs.onChange,
  };

  function apply(next: Config): readonly string[] {
    config = next;
    secrets.learn(secretsOf({ written: next, filled: [] }, process.env));
    redactor = createRedactor(next.security.redact_patterns, secrets);
    flush();
    ({ handle, flush, reads } = assembleHandle({ config, redactor, ...lasting }));
    sources.configure(next.upstreams);
    const changes = [...pool.apply(next.upstreams)];
    remembered.keep(new Set(pool.upstreams.map(({ name }) => name)));
    catalogs.rebuild(next);
    watches.renew();
    const late = pending().map(({ key }) => key);
    if (late.length > 0) changes.push(`at the next restart: ${late.join(", ")}`);
    return changes;
  }

  function pending(): PendingChange[] {
    return LATE.flatMap(key => {
      const [running, configured] = [opened?.[key], config[key]];
      const isPending = opened !== undefined && JSON.stringify(running) !== JSON.stringify(configured);
      return isPending ? [{ key, running, configured }] : [];
    });
  }

  const shutdown = createShutdown({
    ...{ clock, pool, edges: () => edges },
    async release() {
      catalogs.stop();
      pressure.stop();
      load.stop();
      await compilers.stop();
      flush();
      await log.close();
      process.removeListener("exit", registry.killAll);
    },
  });
  const logStatus = (): LogStatus => {
    const { trouble = null, ...counts } = log.stats();
    return { path: keep.log, onFailure: config.security.log_on_failure, ...counts, trouble };
  };
  const gateway: Gateway = {
    front,
    status: () =>
      statusOf({
        options,
        startedAt,
        clock,
        pool,
        catalogs,
        listening,
        redactor,
        pressure,
        stopping: shutdown.stopping,
        log: logStatus(),
        pending: pending(),
        warnings: [...rejections, ...options.warnings, ...troubles],
      }),
    async listen(address) {
      opensPort = true;
      const http = createHttpFront({
        front,
        clock,
        transport: config.transport,
        maxConnections: config.max_connections,
        door: { host: address.host, allowedHosts: config.allowed_hosts, allowedOrigins: config.allowed_origins },
        ready: () => pool.upstreams.length === 0 || pool.upstreams.some(upstream => upstream.condition !== "down"),
        trouble: error => trouble(redactor.text(`a request failed: ${error instanceof Error ? error.stack : error}`)),
      });
      edges.push(http);
      opened = config;
      const scarce = descriptorTrouble(config.max_connections, platformOf().openFileLimit());
      if (scarce !== undefined) trouble(scarce);
      const port = await http.listen(address);
      listening = { port, ...urlsOf({ ...address, port }, config) };
      setImmediate(starts.release);
      return listening;
    },
    serveStdio(streams) {
      const edge = serveStdio({ front, clock, ...streams });
      edges.push(edge);
      return edge.ended;
    },
    reload: async next => apply(next),
    withoutSecrets: text => redactor.text(text),
    rejected(problem) {
      rejections = problem === undefined ? [] : [problem];
    },
    onUpstream(receive) {
      watchers.add(receive);
      return () => watchers.delete(receive);
    },
    settled: waitMs => front.view({ kind: "all" })?.settled(waitMs) ?? Promise.resolve(),
    get parked() {
      return pool.parked;
    },
    stop: ({ graceMs }) => shutdown.stop(graceMs),
    cut: () => shutdown.cut(),
  };
  apply(options.config);
  // Without a port to open there is nothing to wait for.
  setImmediate(() => {
    if (!opensPort) starts.release();
  });
  return gateway;
}

/** Ends the command when the environment holds something that is no key: another one would only be found out later. */
function sealKey(path: string | null, trouble: (detail: string) => void): Buffer {
  const found = readSealKey({ path, environment: process.env });
  if (found.kind === "refused") {
    const where = `environment variable ${SEAL_KEY_VARIABLE}`;
    fail("didNotStart", found.detail, { where, help: ["Give all processes the same key, or unset it."] });
  }
  if (found.trouble !== undefined) trouble(found.trouble);
  return found.key;
}

/** An agent's connection may need another one to an upstream. */
function descriptorTrouble(maxConnections: number, limit: number | undefined): string | undefined {
  if (limit === undefined || limit >= 2 * maxConnections) return undefined;
  const wanted = 2 * maxConnections;
  return `max_connections is ${maxConnections}, but this process may only have ${limit} files open: raise "ulimit -n" to ${wanted}, or lower it`;
}

/** What an upstream's catalog on disk belongs to. */
const identityOf = (config: UpstreamConfig | undefined): string => (config ? transportOf(config).identity : "");

function urlsOf(address: { host: string; port: number }, config: Config): { url: string; urls: string[] } {
  const name = ["127.0.0.1", "0.0.0.0", "::", "::1"].includes(address.host) ? "localhost" : address.host;
  const base = `http://${name.includes(":") ? `[${name}]` : name}:${address.port}`;
  const urls = ENTRANCES[config.transport].map(path => base + path);
  return { url: urls[0] ?? base, urls };
}

/** Children that an earlier process left behind when it was killed are ended now. */
function keepGroups(path: string | null): { save(groups: readonly RecordedGroup[]): void } {
  if (path === null) return { save: () => {} };
  try {
    sweepGroups(JSON.parse(readFileSync(path, "utf8")) as RecordedGroup[]);
  } catch {
    // No file: nothing was left behind.
  }
  return {
    save(groups) {
      try {
        replaceFile(path, JSON.stringify(groups));
      } catch {
        // Without the record a killed gateway's children end when their input does.
      }
    },
  };
}
