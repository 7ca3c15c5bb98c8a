import type { Config, UpstreamConfig } from "../config/schema.ts";
import type { AgentContact, Front } from "../core/front.ts";
import type { OwnerId } from "../core/names.ts";
import { createPressure } from "../core/pressure.ts";
import { createRepairs } from "../core/repairs.ts";
import { createKnownSecrets } from "../core/secrets/known-secrets.ts";
import type { LogStatus, PendingChange, UpstreamStatus } from "../core/status.ts";
import { createHttpFront, type HttpFront } from "../downstream/http.ts";
import { serveStdio } from "../downstream/stdio.ts";
import { overload } from "../guard/overload.ts";
import { createRedactor } from "../guard/redact.ts";
import { references } from "../guard/references.ts";
import { createCallIds } from "../lib/call-ids.ts";
import { systemClock } from "../lib/clock.ts";
import { watchLoad } from "../lib/load.ts";
import { openLog } from "../lib/log-file.ts";
import { platformOf } from "../lib/platform.ts";
import { createSchemaCompilers } from "../lib/schema-compilers.ts";
import { createSealer } from "../lib/seal.ts";
import { createProcessRegistry } from "../upstream/channel/process-registry.ts";
import { transportOf } from "../upstream/connection/transports.ts";
import { createPool, type Pool } from "../upstream/pool.ts";
import { urlsOf } from "./addresses.ts";
import { type Catalogs, createCatalogs, servingResources } from "./catalogs.ts";
import { createChildRecords } from "./child-records.ts";
import { secretsOf } from "./configured-secrets.ts";
import { createEnvironmentWarnings } from "./environment-warnings.ts";
import type { Gateway, GatewayOptions, Listening } from "./gateway.ts";
import { holdBack } from "./held-back.ts";
import { inspectOffer } from "./inspect-offer.ts";
import { afterCrash } from "./last-crash.ts";
import { assembleHandle } from "./layers.ts";
import { createLoadedOffers } from "./loaded-offers.ts";
import { createOfferStore } from "./offer-store.ts";
import { statusOf, withoutSecrets } from "./report.ts";
import { sealKey } from "./seal-key.ts";
import { createShares, descriptorTrouble, sharesStatus } from "./shares.ts";
import { createShutdown, type Edge } from "./shutdown.ts";
import { createSources } from "./sources.ts";
import { createSpokenStore } from "./spoken-store.ts";
import { watching } from "./watching.ts";

/** What an open port cannot change. */
const LATE = ["host", "port", "transport", "max_connections", "allowed_hosts", "allowed_origins"] as const;
const UNTIL_RESTART = { until: "restart", reason: "an open port cannot change it" } as const;
const LOG = { maxBytes: 64 * 1024 * 1024, keep: 3 } as const;

/**
 * The whole gateway. Starting is a reload from the empty configuration: `apply` is the only way in which anything is
 * ever built or replaced.
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { keep, version, clock = systemClock, secrets = createKnownSecrets() } = options;
  const { environment = { variables: process.env, exposed: undefined } } = options;
  const startedAt = { wall: clock.wall(), mono: clock.now() };
  const troubles: string[] = [];
  let rejections: readonly string[] = [];
  let waiting: readonly PendingChange[] = [];
  const trouble = (detail: string): void => {
    if (troubles.length < 20 && !troubles.includes(detail)) troubles.push(detail);
  };
  /** A request ran into a bug of ours. */
  const stumbled = (error: unknown): void =>
    trouble(redactor.text(`a request failed: ${error instanceof Error ? error.stack : error}`));
  const environmentWarnings = createEnvironmentWarnings(environment, process.env);
  const load = watchLoad();
  const pressure = createPressure({ clock, look: load.look });
  const capacity = overload({ pressure });
  const shares = createShares(clock);
  const { ledger, store } = shares;
  const log = openLog({ path: keep.log, ...LOG, clock, onTrouble: options.tell });
  // Belongs to the process that holds the instance.
  const unfinished = keep.children === null ? undefined : await afterCrash(keep.log, log);
  const records = createChildRecords(keep.children, trouble);
  const registry = createProcessRegistry({ onChange: records.save });
  process.once("exit", registry.killAll);
  const offers = createOfferStore(keep.catalogs, trouble);
  const loaded = createLoadedOffers({ folder: keep.catalogs, trouble, now: clock.now });
  const sources = createSources(loaded);
  const spoken = createSpokenStore(keep.catalogs, trouble);
  const contacts = new Map<OwnerId, AgentContact>();
  const watchers = new Set<(status: UpstreamStatus) => void>();

  const compilers = createSchemaCompilers({ clock });
  const repairs = createRepairs(compilers.verdicts, { offThread: true });
  /** Whoever starts us waits for the port, and children would take the machine's strength from opening it. */
  const starts = holdBack();
  let config: Config = { ...options.config, upstreams: [] };
  const pool: Pool = createPool({
    clock,
    random: Math.random,
    identity: { name: "radium-mcp-proxy", version },
    registry,
    environment: environment.variables,
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
  const catalogs: Catalogs = createCatalogs({ pool, sources, rules: config, clock, version, repairs });
  let redactor = createRedactor(config.security.redact_patterns, secrets);
  const key = sealKey(keep.sealKey, environment.variables, trouble);
  secrets.learn([key.toString("hex"), key.toString("base64")]);
  const sealer = createSealer(key, { clock });
  const remembered = references({ serving: () => servingResources(pool.upstreams) });
  const nextCallId = createCallIds();
  const lasting = { nextCallId, pool, store, clock, log, sealer, capacity, remembered };
  let { handle, flush, reads } = assembleHandle({ config, redactor, ...lasting });
  let limit = shares.limit(config);
  const edges: Edge[] = [];
  const fronts: HttpFront["connections"][] = [];
  let listening: Listening | undefined;
  /** What the port was opened with. */
  let opened: Config | undefined;
  let opensPort = false;

  const watches = watching({ pool, catalogs, sealer, references: remembered });
  catalogs.onChange(({ view, kinds }) => {
    if (view.kind === "all" && (kinds.includes("resource") || kinds.includes("template"))) watches.reconsider();
  });
  const front: Front = {
    get handle() {
      return handle;
    },
    trouble: stumbled,
    ...{ sealer, pressure, ledger },
    get limit() {
      return limit;
    },
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
    secrets.learn(secretsOf({ written: next, filled: [] }, environment.variables));
    redactor = createRedactor(next.security.redact_patterns, secrets);
    flush();
    limit = shares.limit(next);
    ({ handle, flush, reads } = assembleHandle({ config, redactor, ...lasting }));
    sources.configure(next.upstreams);
    const changes = [...pool.apply(next.upstreams)];
    remembered.keep(new Set(pool.upstreams.map(({ name }) => name)));
    catalogs.rebuild(next);
    watches.renew();
    const keys = late().map(({ key }) => key);
    if (keys.length > 0) changes.push(`at the next restart: ${keys.join(", ")}`);
    return changes;
  }

  function late(): PendingChange[] {
    return LATE.flatMap(key => {
      const [running, configured] = [opened?.[key], config[key]];
      const isPending = opened !== undefined && JSON.stringify(running) !== JSON.stringify(configured);
      return isPending ? [{ key, running, configured, ...UNTIL_RESTART, change: `${key} changed` }] : [];
    });
  }

  const shutdown = createShutdown({
    ...{ clock, pool, edges: () => edges },
    async write() {
      flush();
      await log.flush();
    },
    async release() {
      catalogs.stop();
      pressure.stop();
      load.stop();
      await compilers.stop();
      flush();
      await offers.saved();
      await log.close();
      records.end();
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
        unfinished,
        shares: sharesStatus(ledger, fronts, redactor.text),
        pending: [...late(), ...waiting],
        warnings: [
          ...[...rejections, ...(options.observe?.() ?? []), ...options.warnings],
          ...[...environmentWarnings(config), ...troubles],
        ],
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
        trouble: stumbled,
      });
      edges.push(http);
      fronts.push(http.connections);
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
    async reload(next) {
      const changes = apply(next);
      await catalogs.current();
      return changes;
    },
    withoutSecrets: text => redactor.text(text),
    rejected(problem) {
      rejections = problem === undefined ? [] : [problem];
    },
    waiting(changes) {
      waiting = changes;
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

/** What an upstream's catalog on disk belongs to. */
const identityOf = (config: UpstreamConfig | undefined): string => (config ? transportOf(config).identity : "");
