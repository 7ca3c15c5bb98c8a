import { Payload } from "../../core/payload.ts";
import { SCANNED_TEXT } from "../../core/scan-limits.ts";
import type { Message } from "../../wire/message.ts";
import type { Channel, ChannelEvents, OutboundRequest, Reply } from "../channel/channel.ts";
import type { Opener } from "../channel/opening.ts";
import type { Secrets } from "../channel/secrets.ts";

/**
 * Everything that an upstream says passes here, whatever carries it and whoever it is for, and loses the secrets that we
 * know. `hidden` hears of each message that lost one.
 */
export function discreet(opener: Opener, secrets: Secrets, hidden: () => void): Opener {
  const clear = (payload: Payload): Payload => {
    const { bytes } = payload;
    const shown = secrets.hideInJson(bytes);
    if (shown === bytes) return payload;
    hidden();
    return Payload.parse(shown, SCANNED_TEXT);
  };

  const clearMessage = (message: Message): Message => {
    switch (message.kind) {
      case "request":
      case "notification": {
        const method = secrets.hide(message.method);
        const params = message.params && clear(message.params);
        return method === message.method && params === message.params ? message : { ...message, method, params };
      }
      case "result": {
        const result = clear(message.result);
        return result === message.result ? message : { ...message, result };
      }
      case "error": {
        const error = clear(message.error);
        return error === message.error ? message : { ...message, error };
      }
    }
  };

  const clearReply = (reply: Reply): Reply => {
    switch (reply.kind) {
      case "result": {
        const result = clear(reply.result);
        return result === reply.result ? reply : { ...reply, result };
      }
      case "error": {
        const error = clear(reply.error);
        return error === reply.error ? reply : { ...reply, error };
      }
      case "failed":
        return { ...reply, detail: secrets.hide(reply.detail) };
    }
  };

  const clearEvents = (events: ChannelEvents): ChannelEvents => ({
    ...events,
    message: message => events.message(clearMessage(message)),
    closed: detail => events.closed(secrets.hide(detail)),
    stray: what => events.stray?.(secrets.hide(what)),
  });

  return {
    ...opener,
    open(events) {
      const channel = opener.open(clearEvents(events));
      // What a transport has beyond a channel stays reachable.
      return Object.assign(Object.create(channel) as Channel, {
        request(request, done) {
          const onMessage: OutboundRequest["onMessage"] = message => request.onMessage(clearMessage(message));
          channel.request({ ...request, onMessage }, reply => done(clearReply(reply)));
        },
        trouble: stage => {
          const said = channel.trouble?.(stage);
          return said && secrets.hide(said);
        },
      } satisfies Partial<Channel>);
    },
    ...(opener.explain && {
      explain: async (failed, signal) => {
        const explained = (await opener.explain?.(failed, signal)) ?? failed;
        return { ...explained, detail: secrets.hide(explained.detail) };
      },
    }),
  };
}
