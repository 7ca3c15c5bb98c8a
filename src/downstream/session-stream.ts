import type { Ledger } from "../core/ledger.ts";
import { SSE_COMMENT } from "../wire/sse.ts";
import { accepts } from "./accept.ts";
import { placeOf } from "./address.ts";
import type { Backlog } from "./backlog.ts";
import { STREAM_HEADERS, streamExchange } from "./exchange.ts";
import { refuse, refuseStream } from "./refuse.ts";
import type { Session } from "./session.ts";
import { responseSink } from "./session-post.ts";
import type { Sessions } from "./sessions.ts";
import { holdStream, type Streams } from "./streams.ts";
import type { Visit } from "./visit.ts";

/** A GET within a session: a stream that broke goes on, or the session's own stream begins. */
export function openStream(
  { request, response }: Visit,
  session: Session,
  { ledger, sessions, streams, backlog }: { ledger: Ledger; sessions: Sessions; streams: Streams; backlog: Backlog },
): void {
  if (!accepts(request.headers.accept, "text/event-stream")) {
    refuse(response, { status: 406, why: "A GET needs Accept: text/event-stream" });
    return;
  }
  const lastEventId = request.headers["last-event-id"];
  const found = typeof lastEventId === "string" ? session.events.find(lastEventId) : undefined;
  if (lastEventId !== undefined && !found) {
    refuse(response, { status: 400, why: "There is no stream to go on with after this Last-Event-ID" });
    return;
  }
  const keeper = { principal: session.principal, address: placeOf(request.socket.remoteAddress) };
  const held = found
    ? undefined
    : streams.admits(keeper) && holdStream(ledger, keeper, { stop: () => end(), of: () => session.held });
  if (!found && !held) {
    refuseStream(response);
    return;
  }
  const { end } = responseSink(response, backlog);
  response.writeHead(200, { ...STREAM_HEADERS, "mcp-session-id": session.id });
  response.write(SSE_COMMENT);
  const release = sessions.holdStream(session.id);
  if (found) {
    const sink = responseSink(response, backlog);
    found.stream.attach(sink, found.after);
    streams.keep(response, {
      closed() {
        found.stream.detach(sink);
        release();
      },
    });
    return;
  }
  const detach = session.attach({ send: streamExchange(response, backlog).send, end });
  streams.keep(response, {
    closed() {
      detach();
      release();
      if (held) held.end();
    },
    stop: end,
  });
}
