import { type Principal, principal } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";

const LONGEST_NAME = 64;

/** What a client calls itself. The same object stands for all requests whose `_meta` is the same: it is read once. */
const NAMES = new WeakMap<Payload, { readonly short: string; readonly full: string }>();
const NAMELESS = { short: "", full: "unknown" };

function namesOf(client: Payload | undefined): typeof NAMELESS {
  if (!client) return NAMELESS;
  let names = NAMES.get(client);
  if (!names) {
    const name = client.string("name");
    const version = client.string("version");
    const full = name ?? NAMELESS.full;
    names = {
      short: cut(name ?? "", LONGEST_NAME),
      full: cut(version === undefined ? full : `${full}/${version}`, 2 * LONGEST_NAME),
    };
    NAMES.set(client, names);
  }
  return names;
}

/** An agent that nobody authenticated: where it comes from and what it calls itself. For fairness, not for security. */
export const anonymous = (address: string, client: Payload | undefined): Principal =>
  principal(`${address} ${namesOf(client).short}`);

export const agentName = (client: Payload | undefined): string => namesOf(client).full;

/** A text that is remembered for long: a slice would keep alive what it was cut from. */
const cut = (text: string, length: number): string =>
  text.length <= length ? text : Buffer.from(text.slice(0, length)).toString();
