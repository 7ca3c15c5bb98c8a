import { setImmediate } from "node:timers/promises";
import type { MarkedProcess } from "../../lib/marked-processes.ts";
import { type Platform, platformOf } from "../../lib/platform.ts";
import type { RecordedGroup } from "../channel/process-registry.ts";

/** What a gateway that was killed has left on record. */
export interface LeftRecord {
  readonly mark: string;
  readonly groups: readonly RecordedGroup[];
}

export interface Swept {
  /** How many processes and groups were sent SIGKILL. */
  readonly killed: number;
  /** Groups that still run and that nothing proves to be ours: they are left alone. */
  readonly unproven: readonly number[];
  /** Processes in no group on record that hold pipes of a child: most likely its own, and left alone as well. */
  readonly holding: readonly number[];
}

/** Whoever forks while being looked for is found in the next round. */
const ROUNDS = 5;
/** How many processes are looked at in one go. */
const PORTION = 50;

/**
 * Kills what gateways that were themselves killed left behind, whatever became of the leaders of its groups. Numbers may
 * belong to strangers by now, and what is on record may be forged. So a process is ours where it carries the mark, a
 * group where one of its members does: as long as one lives, nobody else gets the group's number. A leader that has
 * given its environment away is known by when it started and by the pipes that it was given.
 */
export function sweepLeft(left: readonly LeftRecord[], platform: Platform = platformOf()): Swept {
  const marks = new Set(left.map(({ mark }) => mark));
  const recorded = new Map(left.flatMap(({ groups }) => groups.map(group => [group.pid, group] as const)));
  const done = new Set<string>();
  /** Sent a signal each; they may take a moment to end. */
  const reached = new Set<number>();
  const groups = new Set([...recorded.values()].filter(group => isLeaderOurs(group, platform)).map(({ pid }) => pid));
  let killed = killGroups(groups, platform);

  for (let round = 0; round < ROUNDS; round++) {
    const found = platform.sight
      .marked()
      .filter(one => marks.has(one.mark) && one.pid !== process.pid && !done.has(idOf(one)));
    if (found.length === 0) break;
    for (const one of found) {
      done.add(idOf(one));
      reached.add(one.pid);
    }
    const isOurs = (group: number): boolean => recorded.has(group) || isUnrecorded(group, found, platform);
    const more = new Set(found.map(({ group }) => group).filter(group => !groups.has(group) && isOurs(group)));
    killed += killGroups(more, platform);
    for (const group of more) groups.add(group);
    // A group that somebody else leads may have others in it.
    killed += found.filter(({ group }) => !groups.has(group)).filter(one => signalOne(one, "SIGKILL", platform)).length;
  }
  const unproven = [...recorded.values()].filter(group => !groups.has(group.pid) && mayBeOurs(group, platform));
  const holding = holdersOf([...recorded.values()], platform).filter(pid => !reached.has(pid));
  return { killed, unproven: unproven.map(({ pid }) => pid), holding };
}

/**
 * A gateway that is killed while it starts a child has not recorded its group yet. Groups have members of one session only,
 * and each child begins one: where a member carries the mark, the group is ours unless it is led by what does not.
 */
const isUnrecorded = (group: number, found: readonly MarkedProcess[], platform: Platform): boolean =>
  found.some(({ pid }) => pid === group) || platform.processStartTime(group) === undefined;

/** On the standard streams: a server that gave its environment and its group away still has those that it was given. */
function holdersOf(recorded: readonly RecordedGroup[], { sight }: Platform): readonly number[] {
  const pipes = new Set(recorded.flatMap(group => group.pipes));
  const groups = new Set(recorded.map(({ pid }) => pid));
  const { pipesOf } = sight;
  if (pipes.size === 0 || !pipesOf) return [];
  return sight.running().filter(pid => {
    if (pid === process.pid || !pipesOf(pid).some(name => pipes.has(name))) return false;
    const group = sight.groupOf(pid);
    return group !== undefined && !groups.has(group);
  });
}

const idOf = ({ pid, startTime }: MarkedProcess): string => `${pid} ${startTime}`;

const killGroups = (groups: ReadonlySet<number>, platform: Platform): number =>
  [...groups].filter(group => platform.killGroup(group, "SIGKILL")).length;

/** Unless it has ended meanwhile and its number is another's. */
function signalOne({ pid, startTime }: MarkedProcess, signal: NodeJS.Signals | 0, platform: Platform): boolean {
  if (startTime !== undefined && platform.processStartTime(pid) !== startTime) return false;
  return platform.kill(pid, signal);
}

const startedThen = ({ pid, startTime }: RecordedGroup, platform: Platform): boolean =>
  startTime !== undefined && platform.processStartTime(pid) === startTime;

/** Where the system does not tell what pipes are called, the time has to do. */
function isLeaderOurs(group: RecordedGroup, platform: Platform): boolean {
  if (!startedThen(group, platform)) return false;
  const { pipesOf, holds } = platform.sight;
  return pipesOf === undefined || holds(group.pid, group.pipes);
}

function mayBeOurs(group: RecordedGroup, platform: Platform): boolean {
  if (!platform.isGroupAlive(group.pid)) return false;
  return startedThen(group, platform) || platform.processStartTime(group.pid) === undefined;
}

/**
 * Signals what has left the group of a child that has ended, and still holds its pipes: it is a part of the server. What
 * has let go of them, as daemons do, lives on as it would without us. Looks at everything that runs, and lets others work
 * meanwhile. Resolves with how many there are.
 */
export async function signalHolders(
  group: RecordedGroup,
  { mark, signal, platform }: { mark: string; signal: NodeJS.Signals | 0; platform: Platform },
): Promise<number> {
  const { running, marked, holds } = platform.sight;
  const all = running();
  let reached = 0;
  for (let at = 0; at < all.length; at += PORTION) {
    const holders = marked(all.slice(at, at + PORTION)).filter(
      one => one.mark === mark && one.group !== group.pid && holds(one.pid, group.pipes),
    );
    reached += holders.filter(one => signalOne(one, signal, platform)).length;
    await setImmediate();
  }
  return reached;
}
