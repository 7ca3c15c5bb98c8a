/**
 * Where an agent comes from, as far as shares go: what one party has at its disposal is one place. An own machine has
 * all of 127.0.0.0/8, and a network of version 6 gives each of its members 2^64 addresses.
 */
export function placeOf(remoteAddress: string | undefined): string {
  const address = remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, "") ?? "";
  if (address.startsWith("127.") || address === "::1") return LOOPBACK;
  if (!address.includes(":")) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** This machine, by whichever of its addresses. */
export const LOOPBACK = "loopback";
