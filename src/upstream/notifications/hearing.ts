import type { Kind } from "../../core/catalog.ts";
import type { AgentContact } from "../../core/front.ts";
import type { OwnerId, UpstreamName } from "../../core/names.ts";
import type { DialListener } from "../connection/dial.ts";
import type { Tenant } from "../connection/per-agent-links.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { createUnsolicitedMessages, type Speaker } from "./unsolicited-messages.ts";

export interface HearingParts {
  readonly upstream: UpstreamName;
  /** An agent that can be reached outside its calls. */
  contact(owner: OwnerId): AgentContact | undefined;
  /** What was read may have changed: that resource, or anything. */
  stale(uri: string | undefined): void;
  /** The lists of these kinds are said to have changed in the conversation of that tenant; `undefined`: in the main one. */
  relist(tenant: Tenant | undefined, kinds: readonly Kind[]): void;
  subscriptions(): Pick<Subscriptions, "hear" | "updated" | "lost">;
}

/** Whose conversation it is; `opener`: for whom it was opened, where that is nobody's alone. */
interface Whose {
  readonly tenant: Tenant | undefined;
  readonly opener: OwnerId | undefined;
}

/** Takes what an upstream says in one conversation beside its answers, and the end of it. */
export function hearing(parts: HearingParts, { tenant, opener }: Whose): Pick<DialListener, "message" | "lost"> {
  /** The agent that can only be meant by what names no call. */
  function userOf(link: Speaker): OwnerId | undefined {
    if (tenant?.owner !== undefined) return tenant.owner;
    return link.occupancy ? (link.occupancy.latest ?? opener) : link.onlyOwner;
  }

  const unsolicited = createUnsolicitedMessages({
    upstream: parts.upstream,
    contact(link) {
      const owner = userOf(link);
      return owner && parts.contact(owner);
    },
    listChanged(kinds) {
      parts.stale(undefined);
      parts.relist(tenant, kinds);
    },
    updated(params) {
      parts.stale(params.string("uri"));
      parts.subscriptions().updated(tenant, params);
    },
  });
  return {
    message(link, message) {
      if (!parts.subscriptions().hear(tenant, message)) unsolicited.hear(link, message);
    },
    lost(_detail, link) {
      unsolicited.stop();
      parts.subscriptions().lost(link);
    },
  };
}
