import { type Principal, principal } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";

const LONGEST_NAME = 64;

/** An agent that nobody authenticated: where it comes from and what it calls itself. For fairness, not for security. */
export function anonymous(address: string, client: Payload | undefined): Principal {
  return principal(`${address} ${cut(client?.string("name") ?? "", LONGEST_NAME)}`);
}

export function agentName(client: Payload | undefined): string {
  const name = client?.string("name") ?? "unknown";
  const version = client?.string("version");
  return cut(version === undefined ? name : `${name}/${version}`, 2 * LONGEST_NAME);
}

/** A text that is remembered for long: a slice would keep alive what it was cut from. */
const cut = (text: string, length: number): string =>
  text.length <= length ? text : Buffer.from(text.slice(0, length)).toString();
