import type { Fault } from "../../core/failure.ts";
import type { Clock } from "../../core/ports.ts";
import type { Link } from "../conversation/link.ts";
import type { Opened } from "./connector.ts";
import { type OwnerLinks, type Tenant, tenantKey } from "./per-agent-links.ts";

/** For so long after a refusal nobody else asks for a conversation of its own. */
export const REFUSED_MS = 60_000;
/** More hardly share at a time; beyond it the oldest is forgotten, and asks for a conversation of its own again. */
export const MAX_SHARERS = 1_000;

/**
 * An upstream that takes only so many conversations: agents that get none of their own are served over the one that the
 * gateway holds, as long as that lives. There they share state, and cannot be asked anything, as with a shared child.
 */
export interface Crowding {
  /** Whether this agent is served over the shared conversation. */
  shares(main: Link, tenant: Tenant): boolean;
  /** Whether one was refused so lately that nobody asks for another one. */
  refuses(main: Link): boolean;
  /** What serves an agent for whom a conversation was opened with this result. */
  settle(opened: Opened, main: Link, tenant: Tenant): Opened;
  /** In words, where some share. */
  readonly note: string | undefined;
}

/** What an upstream does that takes no further conversation, in the ways that there are. */
const REFUSALS: ReadonlySet<Fault> = new Set<Fault>([
  "protocol_error",
  "rejected",
  "session_lost",
  "bad_response",
  "connection_lost",
  "rate_limited",
  "overloaded",
]);

export function createCrowding(parts: {
  readonly clock: Clock;
  readonly owners: Pick<OwnerLinks, "has">;
  /** The shared conversation, while it lives. */
  main(): Link | undefined;
}): Crowding {
  const { clock, owners } = parts;
  /** Whoever began there goes on there. */
  let sharers:
    | { readonly main: Link; readonly tenants: Set<string>; refusedAt: number; readonly why: string }
    | undefined;

  function add(tenants: Set<string>, key: string): void {
    tenants.add(key);
    for (const oldest of tenants) {
      if (tenants.size <= MAX_SHARERS) break;
      tenants.delete(oldest);
    }
  }

  const refuses = (main: Link): boolean => sharers?.main === main && clock.now() - sharers.refusedAt < REFUSED_MS;

  return {
    refuses,
    shares(main, tenant) {
      if (sharers?.main !== main) return false;
      const key = tenantKey(tenant);
      if (sharers.tenants.has(key)) return true;
      const isThere = tenant.owner !== undefined && owners.has(tenant.owner);
      if (!refuses(main) || isThere) return false;
      add(sharers.tenants, key);
      return true;
    },
    settle(opened, main, tenant) {
      const refused = opened.kind === "failed" && REFUSALS.has(opened.fault);
      if (!refused || parts.main() !== main) return opened;
      if (sharers?.main !== main) sharers = { main, tenants: new Set(), refusedAt: 0, why: opened.detail };
      sharers.refusedAt = clock.now();
      add(sharers.tenants, tenantKey(tenant));
      return { kind: "open", link: main };
    },
    get note() {
      if (!sharers || parts.main() !== sharers.main) return undefined;
      return `agents share the gateway's own conversation, because the upstream takes no further one: ${sharers.why}`;
    },
  };
}
