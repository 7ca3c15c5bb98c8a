import { type Difference, e2e } from "./difference.ts";

const FEATURES = "test/eras/features.ts";
const LISTEN = "src/downstream/listen.test.ts";
const POSTS = "src/downstream/session-post.test.ts";
const SLOW = "src/downstream/slow-post.test.ts";
const WATCHING = e2e("upstream-watching");

/** What is told while a call runs, and outside of calls. */
export const TELLING: readonly Difference[] = [
  {
    what: "the answer to a POST",
    legacyAgent: "JSON; a stream as soon as something is told before it, and after 5 s",
    modernAgent:
      "JSON; a stream as soon as something is told before it, and after 10 to 20 s, kept alive with comments; its status is 200 then, whatever the error. JSON always, for an agent that does not accept streams",
    legacyUpstream: "either is read",
    modernUpstream: "either is read",
    shownBy: [
      [POSTS, "gets plain JSON when it is answered soon"],
      [POSTS, "is kept alive while it waits"],
      [SLOW, "a slow one becomes a stream that is alive, before there is anything to tell"],
      [SLOW, "but not for an agent that reads no streams"],
    ],
  },
  {
    what: "a stream that breaks",
    legacyAgent: "can be taken up again where it broke (`Last-Event-ID`); the call goes on",
    modernAgent: "ends its call, which is cancelled",
    legacyUpstream: "is taken up again three times where it has event ids; else the call is lost (-31003)",
    modernUpstream: "the call is lost (-31003), and not sent again unless running twice does no harm",
    shownBy: [
      [POSTS, "is not cancelled by a broken connection, and its stream goes on where it broke"],
      [e2e("agents-streams"), "a stream that was lost is taken up again, and the call runs once"],
      ["src/upstream/http/stream.test.ts", "is lost after three tries, or at once when the upstream cannot resume"],
      [e2e("failover"), "is not repeated after %s"],
    ],
  },
  {
    what: "a stream that ends to be asked again later",
    legacyAgent: "its stream is begun at once, kept open, and may be taken up again",
    modernAgent: "no such thing: its stream is kept",
    legacyUpstream: "is asked again after the time that it named, as often as it names one",
    modernUpstream: "no such thing",
    shownBy: [
      [e2e("agents-streams"), "a call that its upstream puts off may be taken up again meanwhile, and runs once"],
      [POSTS, "that its upstream puts off gets a stream at once, which stays open for the answer"],
      [
        "src/upstream/http/stream.test.ts",
        "is taken up again where it was, after the time that the upstream asked for",
      ],
    ],
  },
  {
    what: "cancellation",
    legacyAgent: "`notifications/cancelled`; hanging up is none",
    modernAgent: "hanging up (on stdio `notifications/cancelled`)",
    legacyUpstream: "`notifications/cancelled`",
    modernUpstream: "its stream closed (on stdio `notifications/cancelled`)",
    shownBy: [
      [FEATURES, "cancellation"],
      [e2e("sessions"), "by hanging up does not cancel where the revision says that it does not"],
      [e2e("failover"), "(%s) loses an agent's interest is told so"],
    ],
  },
  {
    what: "log lines",
    legacyAgent: "from `logging/setLevel` on, everything before",
    modernAgent: "only with `logLevel` on the request; one that there is not is HTTP 400 and -32602",
    legacyUpstream: "`logging/setLevel`, the most verbose that is wanted",
    modernUpstream: "`logLevel` on the request",
    shownBy: [
      [FEATURES, "logs"],
      ["src/wire/modern.test.ts", "a log level that there is not"],
    ],
  },
  {
    what: "changed lists",
    legacyAgent: "on its own stream",
    modernAgent: "`subscriptions/listen`",
    legacyUpstream: "its stream is read",
    modernUpstream: "`subscriptions/listen`",
    shownBy: [
      ["test/eras.test.ts", "$name hears that tools came"],
      [LISTEN, "brings what was asked for, stamped with its own id, and nothing else"],
    ],
  },
  {
    what: "a watched resource",
    legacyAgent: "`resources/subscribe`, an error where it cannot be watched",
    modernAgent:
      "`subscriptions/listen`, whose acknowledgement names what is really heard of over all upstreams: what none of them promised within 3 s is left out",
    legacyUpstream: "`resources/subscribe`",
    modernUpstream: "`subscriptions/listen`",
    shownBy: [
      ["test/eras.test.ts", "$name hears that its resource has changed"],
      [LISTEN, "is acknowledged first, with what is really heard of"],
      [LISTEN, "does not wait for an upstream that does not answer"],
      ["src/downstream/session.test.ts", "that cannot be watched is an error, and can be tried again"],
    ],
  },
  {
    what: "news that were missed while an upstream could not be heard",
    legacyAgent: "a watched resource counts as changed",
    modernAgent: "a watched resource counts as changed; a followed task is told as it is now",
    legacyUpstream: "is subscribed to again",
    modernUpstream: "is listened to again, and asked for its tasks",
    shownBy: [
      [WATCHING, "is asked again when it is back, and everybody who listened is told that something may have changed"],
      [e2e("task-news"), "hears how it is once the upstream can be heard again"],
    ],
  },
  {
    what: "a task",
    legacyAgent: "none, and no way to have one",
    modernAgent:
      "the extension `io.modelcontextprotocol/tasks`, under an id sealed to it; its news with `subscriptions/listen`, but for ids that are forged, expired or somebody else's",
    legacyUpstream: "no such thing",
    modernUpstream: "`tasks/*` and `subscriptions/listen` with its own id, where the agent has declared it",
    shownBy: [
      [e2e("tasks"), "is started, looked at, answered and done, at the upstream that runs it"],
      [e2e("tasks"), "of an earlier revision has none to declare, whatever it says"],
      [e2e("task-news"), "is promised only what is its own: foreign, forged and native ids are passed over alike"],
    ],
  },
];

/** What a result holds. */
export const RESULTS: readonly Difference[] = [
  {
    what: "what a result is",
    legacyAgent: "no `resultType`; an empty result is exactly `{}`",
    modernAgent: "`resultType` on every one",
    legacyUpstream: "has none",
    modernUpstream: "a type that there is not is -31007; one that is missing stands for `complete`",
    shownBy: [
      ["src/wire/legacy.test.ts", "loses the members of modern results, on which strict clients throw"],
      ["src/wire/modern.test.ts", "gets what the revision demands and loses nothing"],
      [e2e("tasks"), "is the only reason for a result of a type that the protocol does not have"],
    ],
  },
  {
    what: "how long a list or what was read may be kept",
    legacyAgent: "is not told",
    modernAgent:
      "`ttlMs` and `cacheScope`: the shortest time of all upstreams, `public` only if all say so; 0 while one that says nothing cannot be heard",
    legacyUpstream:
      "says nothing: its lists are read again when it says that they changed, and at every new connection",
    modernUpstream:
      "its lists are read again when their time is over: given out once more meanwhile, and read once for all who ask",
    shownBy: [
      [e2e("caching"), "is the shortest time of all, and public only if all are"],
      [e2e("caching"), "is not told to agents that do not know it"],
      [e2e("caching"), "is no time at all while an upstream that says nothing cannot be heard"],
      [e2e("caching"), "is given out once more and read again meanwhile, once for all who ask"],
    ],
  },
  {
    what: "structured content and its schema that are no objects at the top",
    legacyAgent: "wrapped as `{result: …}`, the schema and the content alike",
    modernAgent: "as they are",
    legacyUpstream: "gives none",
    modernUpstream: "may give them",
    shownBy: [
      ["src/wire/legacy.test.ts", "has its structured content wrapped exactly where the tool's output schema was"],
      ["src/wire/legacy.test.ts", "leaves an output schema alone that is an object"],
    ],
  },
  {
    what: "a tool whose `x-mcp-header` annotations nobody could follow",
    legacyAgent: "hidden on `/mcp`, with the reason in `status`; native on `/mcp/<upstream>`",
    modernAgent: "the same",
    legacyUpstream: "has none",
    modernUpstream: "may have one, and a client has to leave it out",
    shownBy: [
      [
        e2e("forwarding"),
        "a tool with annotations for headers that nobody could follow is hidden, but native in its upstream's own view",
      ],
    ],
  },
  {
    what: "errors whose codes only some revisions have",
    legacyAgent: "-32002 and -32042 as they came",
    modernAgent: "-32002 as -32602, -32042 that asks for nothing as -32603",
    legacyUpstream: "may answer them",
    modernUpstream: "-32021 reaches the agent (see below); -32020 and -32022 do not",
    shownBy: [[e2e("forwarding"), "%i is %i for those of today and stays for those before"]],
  },
];
