import type { Entry, Offer } from "./catalog.ts";
import { nativeName, publicName, type UpstreamName } from "./names.ts";
import { Payload } from "./payload.ts";

/** Requests that take longer than anybody waits. https://modelcontextprotocol.io/extensions/tasks */
export const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

/** What an agent has to declare for it. */
export const TASKS_CAPABILITIES = { extensions: { [TASKS_EXTENSION]: {} } } as const;

/** Whether capabilities name that extension. */
export const hasTasks = (capabilities: Payload): boolean =>
  capabilities.object("extensions")?.object(TASKS_EXTENSION) !== undefined;

/** The same capabilities without it. */
export function withoutTasks(capabilities: Payload): Payload {
  if (!hasTasks(capabilities)) return capabilities;
  const others = capabilities.object("extensions")?.with({ [TASKS_EXTENSION]: undefined });
  return capabilities.with({ extensions: others?.isEmpty ? undefined : others?.bytes });
}

/** A capability of the protocol's future or of somebody's own, which an upstream declares under a name. */
const SECTIONS = ["extensions", "experimental"] as const;

/** Names of the extensions that a `capabilities` object declares. */
export function extensionsOf(capabilities: Payload): string[] {
  return SECTIONS.flatMap(section => [...(capabilities.object(section)?.keys() ?? [])]);
}

/**
 * Whether a method belongs to an extension: `com.example/search` owns what begins with its whole name, and with the
 * last part of it (`search/run`), as the protocol's own extensions name their methods.
 */
export function ownsMethod(extension: string, method: string): boolean {
  const short = extension.slice(extension.lastIndexOf("/") + 1);
  return method.startsWith(`${extension}/`) || (short !== "" && method.startsWith(`${short}/`));
}

/** The only upstream whose extensions own the method; `undefined` when there is none, or when nobody could choose. */
export function methodOwner(offers: readonly Offer[], method: string): UpstreamName | undefined {
  const owners = offers.filter(({ capabilities }) => extensionsOf(capabilities).some(name => ownsMethod(name, method)));
  return owners.length === 1 ? owners[0]?.upstream : undefined;
}

const NOTHING = Payload.of({});

/** An upstream itself, as what a request is about that names nothing in its lists. */
export function upstreamEntry(upstream: UpstreamName): Entry {
  const holder = { upstream, native: nativeName(""), priority: 1, definition: NOTHING };
  return { kind: "upstream", name: publicName(upstream), holders: [holder], definition: NOTHING };
}
