import { type Principal, principal } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";

const LONGEST_NAME = 64;

/** An agent that nobody authenticated: where it comes from and what it calls itself. For fairness, not for security. */
export function anonymous(address: string, client: Payload | undefined): Principal {
  return principal(`${address} ${(client?.string("name") ?? "").slice(0, LONGEST_NAME)}`);
}

export function agentName(client: Payload | undefined): string {
  const name = client?.string("name") ?? "unknown";
  const version = client?.string("version");
  const whole = version === undefined ? name : `${name}/${version}`;
  // A slice would keep alive what it was cut from.
  return Buffer.from(whole.slice(0, 2 * LONGEST_NAME)).toString();
}
