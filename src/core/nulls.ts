import type { Payload } from "./payload.ts";

/** The same object without members that are `null`, in it and in the objects of so many `levels` below it. */
export function withoutNulls(object: Payload, levels: number): Payload {
  const changes: Record<string, Buffer | undefined> = {};
  for (const key of object.keys()) {
    if (!object.given(key)) changes[key] = undefined;
    const below = levels > 0 ? object.object(key) : undefined;
    const cleared = below && withoutNulls(below, levels - 1);
    if (cleared && cleared !== below) changes[key] = cleared.bytes;
  }
  return Object.keys(changes).length === 0 ? object : object.with(changes);
}
