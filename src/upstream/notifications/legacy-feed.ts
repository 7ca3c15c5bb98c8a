import { Payload } from "../../core/payload.ts";
import { Aborter } from "../../core/signal.ts";
import type { Reply } from "../channel/channel.ts";
import { failureToTell } from "../conversation/attempt.ts";
import type { Link } from "../conversation/link.ts";
import { type Feed, type FeedWorld, UNWATCHED } from "./feed.ts";

const TIMEOUT_MS = 10_000;
const STREAM_WAIT_MS = 1_000;
const SESSION_LOST = 404;

/** One resource: what is wanted, what the upstream was told, and the request that is under way. */
interface Watch {
  wanted: boolean;
  held: boolean;
  settled: Promise<Reply | undefined>;
}

/**
 * A request for each resource; the notifications come on the channel's own stream.
 * https://modelcontextprotocol.io/specification/2025-11-25/server/resources#subscriptions
 */
export function legacyFeed(link: Link, { upstream, clock, gap, doubt }: FeedWorld): Feed {
  const stopping = new Aborter();
  const watches = new Map<string, Watch>();
  let endWait = (): void => {};
  /** Whether the upstream can tell of changes at all. */
  const heard = new Promise<boolean>(resolve => {
    if (!link.channel.openStream) return resolve(true);
    // Some servers send nothing, not even a head, before there is something to say.
    const cancelTimer = clock.after(STREAM_WAIT_MS, () => resolve(true));
    endWait = () => {
      cancelTimer();
      resolve(true);
    };
    link.channel.openStream(link.era.headers(link.version), {
      opened(missed) {
        resolve(true);
        if (missed) gap();
      },
      refused(status) {
        resolve(false);
        if (status === SESSION_LOST) doubt();
      },
    });
  });

  function settle(uri: string, watch: Watch): Promise<Reply | undefined> {
    watch.settled = watch.settled.then(() => reconcile(uri, watch));
    return watch.settled;
  }

  /** Requests about one resource follow each other, so that the last wish wins. */
  async function reconcile(uri: string, watch: Watch): Promise<Reply | undefined> {
    const { wanted, held } = watch;
    const reply = wanted === held || stopping.signal.aborted ? undefined : await tell(uri, wanted);
    if (reply) watch.held = wanted && reply.kind === "result";
    if (!watch.wanted && !watch.held) watches.delete(uri);
    return reply;
  }

  function tell(uri: string, wanted: boolean): Promise<Reply> {
    const method = wanted ? "resources/subscribe" : "resources/unsubscribe";
    return link.ask(method, Payload.of({ uri }), { timeoutMs: TIMEOUT_MS, signal: stopping.signal });
  }

  return {
    async watch({ kind, name: uri }) {
      if (kind !== "resource") return UNWATCHED;
      const watch = watches.get(uri) ?? { wanted: true, held: false, settled: Promise.resolve(undefined) };
      watches.set(uri, watch);
      watch.wanted = true;
      const reply = await settle(uri, watch);
      if (watch.held && !(await heard)) return UNWATCHED;
      if (watch.held || !reply || reply.kind === "result") return undefined;
      if (reply.kind === "error") return failureToTell(reply.error, upstream);
      return { ...reply, kind: "upstream", upstream, attempts: 1 };
    },
    unwatch({ name: uri }) {
      const watch = watches.get(uri);
      if (!watch) return;
      watch.wanted = false;
      void settle(uri, watch);
    },
    hear: () => false,
    stop() {
      stopping.abort();
      endWait();
    },
  };
}
