import type { SharesStatus } from "../../core/status.ts";
import { count, enumerate, size } from "./words.ts";

/** From here on agents find little room. */
const CROWDED_PART = 0.7;

/** Who takes how much of what is there for all, where somebody had to give way or soon may. A gateway of an earlier version tells nothing of it. */
export function shareLines(shares: SharesStatus | undefined): string[] {
  if (!shares) return [];
  const { bytes, maxBytes, most, shed, refused } = shares;
  const gone = [
    ...named(shed.sessions, "unused session"),
    ...named(shed.streams, "stream"),
    ...named(shed.connections, "idle connection"),
    ...(shed.events > 0 ? [`${count(shed.events, "time")} the older half of what a session could read again`] : []),
  ];
  const turnedAway = [...named(refused.kept, "request"), ...named(refused.connections, "connection")];
  if (bytes < CROWDED_PART * maxBytes && gone.length + turnedAway.length === 0) return [];
  return [
    `agents make the gateway keep ${size(bytes)} of ${size(maxBytes)}`,
    ...most.map(
      ({ agent, bytes, sessions, streams }) =>
        `${agent}: ${size(bytes)}, ${count(sessions, "session")}, ${count(streams, "stream")}`,
    ),
    ...(gone.length > 0 ? [`closed for others since the start: ${enumerate(gone)}`] : []),
    ...(turnedAway.length > 0 ? [`refused for lack of room since the start: ${enumerate(turnedAway)}`] : []),
  ];
}

const named = (number: number, noun: string): string[] => (number === 0 ? [] : [count(number, noun)]);
