import type { Kind } from "./catalog.ts";
import type { Payload } from "./payload.ts";
import type { Shed } from "./pressure.ts";

/** The catalog entry that the parameters of a request name. */
export interface Target {
  readonly kind: Kind;
  readonly name: string;
}

/** How the parameters of a method name a catalog entry. */
export interface Naming {
  /** What the name stands for, as people call it. */
  readonly noun: string;
  /** `undefined` when the parameters name nothing. */
  target(params: Payload): Target | undefined;
  /** The same parameters with the native name in place of the public one. */
  rename(params: Payload, native: string): Payload;
}

/** All that is known of a method that an upstream answers. */
export interface Method {
  /** What a request is about: an entry of the catalog, a task, or what only its extension knows. */
  readonly about: Naming | "task" | "extension";
  /** The member of the parameters that headers repeat. */
  readonly header: "name" | "uri" | "taskId" | undefined;
  /** Whether headers repeat the arguments that a tool's definition marks. */
  readonly argumentHeaders: boolean;
  /**
   * What a run may change: nothing; what a second run changes no further; what the operator says of the tool, or its
   * annotations if they are believed; or what nobody knows, so that it never runs twice.
   */
  readonly effect: "none" | "repeatable" | "by_tool" | "unknown";
  /** Whether the upstream may answer with questions. https://modelcontextprotocol.io/seps/2322-MRTR */
  readonly mayAsk: boolean;
  /** Whether a task may stand in for the result. https://modelcontextprotocol.io/extensions/tasks */
  readonly startsTasks: boolean;
  /** The limit that counts it: `rate_limit_per_minute` of each tool, or that of all other requests. */
  readonly limited: "per_tool" | "per_agent";
  /** How long it may take: what is set for the tool, or for everything else. */
  readonly timeout: "of_tool" | "of_others";
  /** Whether its result says for how long it may be kept, so that the gateway keeps what is the same for all. */
  readonly cacheable: boolean;
  /** Whether the result holds the contents of resources, or names resources among other things. */
  readonly result: "contents" | "names_resources";
  /** When it is given up because there is too much to do. */
  readonly shed: Shed;
  /** How an agent is told that it cannot be asked: with a result that says so, or an error. */
  readonly refusal: "result" | "error";
}

const named = (noun: string, kind: Kind, member: "name" | "uri"): Naming => ({
  noun,
  target: params => {
    const name = params.string(member);
    return name === undefined ? undefined : { kind, name };
  },
  rename: (params, native) =>
    params.string(member) === native ? params : params.with({ [member]: JSON.stringify(native) }),
});

/** A completion is about a prompt or about a resource template. */
const COMPLETION: Naming = {
  noun: "completion reference",
  target: params => {
    const ref = params.object("ref");
    const name = ref?.string("name");
    if (ref?.string("type") === "ref/prompt" && name !== undefined) return { kind: "prompt", name };
    const uri = ref?.string("uri");
    return ref?.string("type") === "ref/resource" && uri !== undefined ? { kind: "template", name: uri } : undefined;
  },
  rename: (params, native) => {
    const ref = params.object("ref");
    const member = ref?.string("type") === "ref/prompt" ? "name" : "uri";
    if (!ref || ref.string(member) === native) return params;
    return params.with({ ref: ref.with({ [member]: JSON.stringify(native) }).bytes });
  },
};

/** A method of the protocol's future, or of an extension: only its upstream knows what it does. */
const EXTENSION: Method = {
  about: "extension",
  header: undefined,
  argumentHeaders: false,
  effect: "unknown",
  mayAsk: false,
  startsTasks: false,
  limited: "per_agent",
  timeout: "of_others",
  cacheable: false,
  result: "names_resources",
  shed: "reads",
  refusal: "error",
};

/** A task is named by the id that its start gave. https://modelcontextprotocol.io/extensions/tasks */
const TASK = { ...EXTENSION, about: "task", header: "taskId" } as const;

/** The methods of the protocol that upstreams answer. */
export const METHODS = {
  "tools/call": {
    about: named("tool", "tool", "name"),
    header: "name",
    argumentHeaders: true,
    effect: "by_tool",
    mayAsk: true,
    startsTasks: true,
    limited: "per_tool",
    timeout: "of_tool",
    cacheable: false,
    result: "names_resources",
    shed: "calls",
    refusal: "result",
  },
  "prompts/get": {
    about: named("prompt", "prompt", "name"),
    header: "name",
    argumentHeaders: false,
    effect: "none",
    mayAsk: true,
    startsTasks: false,
    limited: "per_agent",
    timeout: "of_others",
    cacheable: false,
    result: "names_resources",
    shed: "reads",
    refusal: "error",
  },
  "resources/read": {
    about: named("resource", "resource", "uri"),
    header: "uri",
    argumentHeaders: false,
    effect: "none",
    mayAsk: true,
    startsTasks: false,
    limited: "per_agent",
    timeout: "of_others",
    cacheable: true,
    result: "contents",
    shed: "reads",
    refusal: "error",
  },
  "completion/complete": {
    about: COMPLETION,
    header: undefined,
    argumentHeaders: false,
    effect: "none",
    mayAsk: false,
    startsTasks: false,
    limited: "per_agent",
    timeout: "of_others",
    cacheable: false,
    result: "names_resources",
    shed: "reads",
    refusal: "error",
  },
  "tasks/get": { ...TASK, effect: "none" },
  "tasks/update": { ...TASK, effect: "unknown" },
  "tasks/cancel": { ...TASK, effect: "repeatable" },
} as const satisfies Readonly<Record<string, Method>>;

const BY_NAME: ReadonlyMap<string, Method> = new Map(Object.entries(METHODS));

/** What is known of a method; of one that the protocol does not have, what is safe to believe. */
export const methodOf = (method: string): Method => BY_NAME.get(method) ?? EXTENSION;

/** Whether requests of this method are about tasks. */
export const isAboutTasks = (method: string): boolean => methodOf(method).about === "task";

/** How the parameters of this method name a catalog entry, if they do. */
export function namingOf(method: string): Naming | undefined {
  const { about } = methodOf(method);
  return typeof about === "object" ? about : undefined;
}
