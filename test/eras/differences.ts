import { type Difference, e2e } from "./difference.ts";
import { RESULTS, TELLING } from "./results.ts";

const QUESTIONS = "test/eras/questions.ts";
const POSTS = "src/downstream/session-post.test.ts";
const WORDS = e2e("agents-words");
const FRONT = e2e("front-door");
const INPUT = e2e("upstream-input");
const WATCHING = e2e("upstream-watching");

/** Who speaks with whom, and how it is known. */
const CONVERSATIONS: readonly Difference[] = [
  {
    what: "opening",
    legacyAgent: "`initialize`, answered by the gateway",
    modernAgent: "`server/discover`, answered by the gateway",
    legacyUpstream: "`initialize` with the agent's capabilities",
    modernUpstream: "the agent's capabilities on each request",
    shownBy: [
      [e2e("sessions"), "of revision %s begins with a handshake, is used, and ends"],
      [INPUT, "is shown the capabilities of the agent whose conversation it is, and none on the shared one"],
      [INPUT, "sees with each request what this agent can be asked for"],
    ],
  },
  {
    what: "an upstream that speaks both eras",
    legacyAgent: "a conversation of its own with it, in which it can be asked and told everything",
    modernAgent:
      "modern requests; for a tool that was seen to ask in the middle of a call, a conversation, since it can ask nowhere else",
    legacyUpstream: "–",
    modernUpstream: "–",
    shownBy: [
      [e2e("both-eras"), "asks a legacy agent in the middle of its first call (%s)"],
      [e2e("both-eras"), "is spoken to by a modern agent in its own revision"],
      [
        e2e("both-eras"),
        "a modern agent is asked by a tool that can only ask in a conversation, once it has been seen to do so",
      ],
      [e2e("both-eras"), "gives a legacy agent log lines for which it has named no level"],
    ],
  },
  {
    what: "lists that depend on what the agent can be asked for, or on its session",
    legacyAgent: "its own, and news of them for it alone",
    modernAgent: "its own, by the capabilities of the request",
    legacyUpstream: "is asked once for all agents that can be asked for the same, and by each whose session differs",
    modernUpstream: "is asked once for all agents that can be asked for the same",
    shownBy: [
      [e2e("own-catalogs"), "lists the same through us, as a child that agents share"],
      [e2e("own-catalogs"), "lists the same through us, over HTTP"],
      [e2e("own-catalogs"), "shows it to that agent alone, at once, and tells it (%s)"],
    ],
  },
  {
    what: "which of the two it is",
    legacyAgent: "says so with its first message",
    modernAgent: "says so with each message",
    legacyUpstream:
      "is asked `server/discover` first, and `initialize` when it refuses, keeps silent, or has ended and was restarted; " +
      "remembered, and from then on asked only that",
    modernUpstream: "is asked `server/discover`, and may answer late; remembered. `protocol` settles it for either",
    shownBy: [
      [e2e("sessions"), "of revision %s begins with a handshake, is used, and ends"],
      [e2e("starting"), "as a child connects and answers, however odd it is about the first messages"],
      [e2e("starting"), "over HTTP connects and answers, however odd it is about the first messages"],
      [e2e("slow-start"), "is found out once, and not again after a restart"],
      [e2e("slow-start"), "is not asked where the configuration says it"],
    ],
  },
  {
    what: "whose request it is",
    legacyAgent: "its session, and 404 when that is gone",
    modernAgent: "`_meta` of the request; `Mcp-Session-Id` and `Last-Event-ID` mean nothing",
    legacyUpstream: "a session for each agent that needs one, opened anew when it is lost",
    modernUpstream: "one connection for all",
    shownBy: [
      [e2e("sessions"), "that nobody opened is 404, and none at all is 400"],
      [e2e("sessions"), "have each a session of their own at an upstream that keeps sessions, closed with theirs"],
      [e2e("failover"), "forgets its sessions is greeted anew, and the agent does not notice"],
      [FRONT, "means nothing to one that carries everything"],
    ],
  },
  {
    what: "a revision that nobody speaks",
    legacyAgent: "is offered the newest that has sessions",
    modernAgent: "HTTP 400 and -32022 with `data.supported`",
    legacyUpstream: "answers with its own, and that is spoken",
    modernUpstream: "-32022 is kept from the agent: the upstream is greeted anew and gets the request once more",
    shownBy: [
      [e2e("sessions"), "of an unknown revision is offered the newest that has sessions"],
      [FRONT, "for a version that nobody knows is told which there are"],
      ["test/eras.test.ts", "describe.each(UPSTREAMS)"],
      [WATCHING, "about its revision is greeted anew and gets it once more"],
    ],
  },
  {
    what: "headers",
    legacyAgent: "`MCP-Protocol-Version` within a session, from 2025-06-18 on; a wrong one is HTTP 400",
    modernAgent:
      "`MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` repeat the body, else HTTP 400 and -32020",
    legacyUpstream: "`MCP-Protocol-Version` and the upstream's own session",
    modernUpstream:
      "all of them, made from the body, in base64 where they must be; -32020 is kept from the agent: the definition is read anew and the request sent once more",
    shownBy: [
      [e2e("sessions"), "needs no version header after the handshake, but a wrong one is refused"],
      [FRONT, "with %s is refused as the revision has it"],
      ["src/wire/modern.test.ts", "repeats annotated arguments in headers, encoded where they must be"],
      [WATCHING, "about its headers gets those of the definition that it has now"],
    ],
  },
  {
    what: "`initialize`, `ping`, `logging/setLevel`, `resources/subscribe`",
    legacyAgent: "answered by the gateway",
    modernAgent: "HTTP 404 and -32601: these methods are gone",
    legacyUpstream: "sent where they are needed, and its own `ping` is answered",
    modernUpstream: "never sent",
    shownBy: [
      [e2e("forwarding"), "is not %s: that goes to no upstream"],
      [FRONT, "a method of sessions"],
      ["src/upstream/conversation/open-call.test.ts", "answers a ping itself"],
    ],
  },
  {
    what: "a method that nobody knows",
    legacyAgent: "-32601",
    modernAgent: "-32601, HTTP 404",
    legacyUpstream: "any that is not the protocol's own, in its own view or where it declares the extension",
    modernUpstream: "the same",
    shownBy: [
      [e2e("forwarding"), "goes to the one upstream that declares its extension, in the view of all"],
      [FRONT, "an unknown method"],
    ],
  },
  {
    what: "a batch",
    legacyAgent: "2025-03-26 only",
    modernAgent: "never",
    legacyUpstream: "never",
    modernUpstream: "never",
    shownBy: [
      ["test/eras.test.ts", "is answered, each request of it"],
      [POSTS, "is refused where it is not of the revision, empty, too long or no JSON"],
    ],
  },
];

/** What an upstream wants to know in the middle of a call. */
const ASKING: readonly Difference[] = [
  {
    what: "a question",
    legacyAgent: "a request on the stream of its call",
    modernAgent: "a result `input_required`, and the call again with the answers",
    legacyUpstream: "its own request answered; its call stays open, so the tool runs once",
    modernUpstream: "the call again with `inputResponses` and its own `requestState`",
    shownBy: [
      [QUESTIONS, "several questions at once"],
      [INPUT, "each of several that come at once, on a child that nobody knows yet, is asked its own"],
      [e2e("agents-questions"), "gets its answers from an agent of %s, and runs once"],
    ],
  },
  {
    what: "the way back to the question",
    legacyAgent: "the request's id, within its session",
    modernAgent:
      "`requestState`, sealed to principal, method, name and arguments: one that is forged, stolen, expired or used for another call is -32602, and nothing is sent",
    legacyUpstream: "its call parked for a day, good once, then cancelled",
    modernUpstream: "its own state exactly, none where it gave none",
    shownBy: [
      [
        "src/downstream/elicit.test.ts",
        "cannot be answered by another session, nor twice, nor under a name of its own",
      ],
      [e2e("tickets"), "is refused to everybody else and for everything else, and the upstream hears nothing of it"],
      [e2e("upstream-parked"), "goes on once: its ticket is worth nothing the second time"],
      ["src/upstream/conversation/open-call.test.ts", "ends when nobody has come back, and the upstream is told"],
      [INPUT, "%s asks, and gets the answers with exactly its own state back"],
      [INPUT, "that gave no state gets none"],
    ],
  },
  {
    what: "an error for an answer",
    legacyAgent: "its own, when a user says no",
    modernAgent: "none: a question is answered, or the call is not made again",
    legacyUpstream: "that error, as the answer to its request",
    modernUpstream: "nothing: the call ends with the error",
    shownBy: [
      [WORDS, "an agent's error for an answer"],
      [WORDS, "ends the call where the upstream would have to be called again with it"],
    ],
  },
  {
    what: "an address to visit first (-32042)",
    legacyAgent: "the question, then the call goes on; a revision without addresses declines it",
    modernAgent: "the question, then the call goes on",
    legacyUpstream: "its call again once the agent agrees (2025-11-25 answers -32042)",
    modernUpstream: "asks like any other question",
    shownBy: [
      [INPUT, "has its call made again once the agent agrees"],
      [e2e("agents-questions"), "and is too old for a URL declines it"],
    ],
  },
  {
    what: "what a user did elsewhere (URLs)",
    legacyAgent: "`notifications/elicitation/complete` (2025-11-25), under an id of the gateway's",
    modernAgent: "no such thing",
    legacyUpstream: "sends it, and it reaches the agent that was asked",
    modernUpstream: "no such thing",
    shownBy: [
      [WORDS, "is told to be done to the agent that was asked, under the id that it knows"],
      [WORDS, "has no id, and no end, for an agent whose revision does not know either"],
    ],
  },
  {
    what: "a question outside a call",
    legacyAgent: "a request on its session's stream; without one the upstream hears at once that nobody answers",
    modernAgent: "none",
    legacyUpstream: "an answer where the agent has a session, else an error at once",
    modernUpstream: "no such thing",
    shownBy: [
      ["src/downstream/session.test.ts", "goes to the session's stream, and its answer back"],
      [WATCHING, "reaches the agent that can be reached, and its answer comes back"],
    ],
  },
  {
    what: "changed roots",
    legacyAgent: "`notifications/roots/list_changed`, heard at most once a second",
    modernAgent: "no such thing",
    legacyUpstream: "told, where the agent declared `roots.listChanged`",
    modernUpstream: "asks for roots whenever it wants them",
    shownBy: [
      [WORDS, "says so to the upstreams that hold a conversation for it, and for nobody else"],
      [WORDS, "is passed over where it did not say that they may"],
    ],
  },
];

/** Title → rows. */
export const DIFFERENCES: Readonly<Record<string, readonly Difference[]>> = {
  "Who speaks with whom": CONVERSATIONS,
  "What is asked in the middle of a call": ASKING,
  "What is told, and how": TELLING,
  "What is in a result": RESULTS,
};
