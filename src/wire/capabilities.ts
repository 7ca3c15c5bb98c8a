import { withoutTasks } from "../core/extensions.ts";
import { Payload } from "../core/payload.ts";

/**
 * What of an agent's capabilities an upstream is shown: exactly what can be brought to the agent and back.
 * Sub-capabilities by capability. https://modelcontextprotocol.io/specification/2026-07-28/basic#capabilities
 */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  roots: [],
  sampling: ["context", "tools"],
  elicitation: ["form", "url"],
};
/** What an agent says on its own account. */
export const ROOTS_CHANGED = "notifications/roots/list_changed";
export const NO_CAPABILITIES = Payload.of({});

/** Equal texts for agents that can do the same, whatever order they name it in. */
export function shownCapabilities(declared: Payload): Payload {
  if (declared.isEmpty) return NO_CAPABILITIES;
  let shown = SHOWN_OF.get(declared);
  if (!shown) {
    shown = shownOf(declared);
    SHOWN_OF.set(declared, shown);
  }
  return shown;
}

/** What an agent declares stays the same object from call to call. */
const SHOWN_OF = new WeakMap<Payload, Payload>();

function shownOf(declared: Payload): Payload {
  const shown: Record<string, string> = {};
  for (const [name, members] of Object.entries(SHOWN)) {
    const capability = declared.object(name);
    if (capability) shown[name] = textOf(members.filter(member => capability.object(member)).map(of => [of, "{}"]));
  }
  const extensions = declared.object("extensions");
  // Extensions are between the agent and the upstream: their methods and what they put into content pass as they are.
  const passed = [...(extensions?.keys() ?? [])].sort().flatMap(name => {
    const settings = extensions?.object(name);
    return settings ? [[name, settings.bytes.toString("utf8")] as const] : [];
  });
  if (passed.length > 0) shown.extensions = textOf(passed);
  return Object.keys(shown).length > 0 ? NO_CAPABILITIES.with(shown) : NO_CAPABILITIES;
}

/**
 * The same for an upstream that is told when a conversation opens: such revisions have no tasks as an extension, and have
 * news of roots.
 */
export function openingCapabilities(declared: Payload): Payload {
  const shown = shownCapabilities(withoutTasks(declared));
  return tellsOfRoots(declared) ? shown.with({ roots: '{"listChanged":true}' }) : shown;
}

/** Whether an agent that declares this says so when its roots have changed. */
export const tellsOfRoots = (declared: Payload): boolean =>
  declared.object("roots")?.raw("listChanged")?.toString("latin1") === "true";

/** Whether an upstream that was told this at the opening of its conversation expects such a notification. */
export const expects = (declared: Payload, method: string): boolean =>
  method === ROOTS_CHANGED && tellsOfRoots(declared);

/** For an agent whose revision has no way to say that, whatever it declares. */
export function withoutRootsNews(declared: Payload): Payload {
  const roots = declared.object("roots");
  return roots?.has("listChanged") ? declared.with({ roots: roots.with({ listChanged: undefined }).bytes }) : declared;
}

const textOf = (members: readonly (readonly [string, string])[]): string =>
  `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
