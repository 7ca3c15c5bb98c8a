import { foldedKey, foldedWords, type Twins, twinsOf } from "./key-twins.ts";

/**
 * The objects of a message whose members are noted, and the keys in them that must not be mistaken for one of those
 * that we route on, judge or rewrite.
 */
export interface Section {
  readonly name: string;
  readonly twins: Twins | undefined;
  /**
   * `alone`: such a key is refused wherever it stands. `beside`: only next to the member that it could be taken for,
   * where nobody can know which of the two is read.
   */
  readonly refused: "alone" | "beside";
  /** What is noted of the object: its members, or no more than its keys. */
  readonly noted: "members" | "keys";
  /** The members that are sections themselves. */
  section(key: string): Section | undefined;
}

type Inside = Readonly<Record<string, Section>>;

interface Shape {
  readonly names?: string;
  readonly inside?: Inside;
  readonly refused?: Section["refused"];
}

function section(name: string, fold: (key: string) => string, { names, inside, refused = "alone" }: Shape): Section {
  const within = new Map(Object.entries(inside ?? {}));
  const twins = names === undefined ? undefined : twinsOf(names.split(" "), fold);
  return { name, twins, refused, noted: "members", section: key => within.get(key) };
}

const bare = (name: string, sections: (key: string) => Section | undefined = () => undefined): Section => ({
  ...{ name, twins: undefined, refused: "alone", noted: "members", section: sections },
});

/** Any object: nothing in it has a meaning here, but the members are descended into that could have. */
const nested = (inner: Section | undefined): Section =>
  bare("the object", key => (DESCEND.has(key) ? inner : undefined));
const DESCEND: ReadonlySet<string> = new Set(["params", "result", "error", "_meta"]);
export const ANY_OBJECT = nested(nested(nested(undefined)));

const ENVELOPE = "jsonrpc id method params result error";
const ERROR = "code message data";

/** What an agent says to a question, as a message of its own or among the answers of a request. */
const answer = (name: string): Section =>
  section(name, foldedWords, { names: "_meta action content role model stopReason roots" });

const OF_AGENTS: Inside = {
  params: section("params", foldedWords, {
    names:
      "_meta name uri arguments cursor ref argument context level task taskId ttl requestState inputResponses " +
      "requestId progressToken progress clientInfo capabilities protocolVersion notifications reason",
    inside: {
      _meta: section("params._meta", foldedWords, {
        names:
          "progressToken io.modelcontextprotocol/protocolVersion io.modelcontextprotocol/clientInfo " +
          "io.modelcontextprotocol/clientCapabilities io.modelcontextprotocol/logLevel " +
          "io.modelcontextprotocol/related-task",
      }),
      arguments: { ...bare("params.arguments"), noted: "keys" },
      ref: section("params.ref", foldedWords, { names: "type name uri" }),
      argument: section("params.argument", foldedWords, { names: "name value" }),
      context: section("params.context", foldedWords, { names: "arguments" }),
      inputResponses: bare("params.inputResponses", () => ANSWER),
    },
  }),
  result: answer("result"),
  error: section("error", foldedWords, { names: ERROR }),
};
const ANSWER = answer("an answer in params.inputResponses");

/** A message of an agent. */
export const FROM_AGENT = section("the message", foldedWords, { names: ENVELOPE, inside: OF_AGENTS });

/**
 * A message of an upstream. Of what it answers only some members are ours to judge, and a result may have others whose
 * names are like them.
 */
export const FROM_UPSTREAM = section("the message", foldedKey, {
  names: ENVELOPE,
  inside: {
    params: section("params", foldedKey, {
      names:
        "_meta uri level taskId requestId progressToken mode elicitationId url requestedSchema tools toolChoice includeContext",
      inside: { _meta: bare("params._meta") },
    }),
    result: section("result", foldedKey, {
      names: "_meta resultType requestState inputRequests taskId nextCursor ttlMs cacheScope",
      refused: "beside",
      inside: { _meta: bare("result._meta") },
    }),
    error: section("error", foldedKey, { names: ERROR, refused: "alone" }),
  },
});

/** One of the objects that lists are made of. */
export const DEFINITION = section("the definition", foldedKey, {
  names: "_meta name uri uriTemplate title description inputSchema outputSchema annotations arguments execution icons",
  refused: "beside",
});
