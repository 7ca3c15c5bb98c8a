import { type Platform, platformOf } from "../../lib/platform.ts";

/** A process group, named so that a later gateway can recognise it after a restart. */
export interface RecordedGroup {
  readonly pid: number;
  readonly startTime: string | undefined;
}

/** The process groups that one gateway started and that may still run. */
export interface ProcessRegistry {
  add(pid: number): void;
  remove(pid: number): void;
  groups(): readonly RecordedGroup[];
  /** SIGKILL to every group. Synchronous: made for `process.on("exit", registry.killAll)`. */
  killAll(): void;
}

export interface RegistryOptions {
  readonly platform?: Platform;
  /** Called after every change: what to keep on disk for `sweepGroups`. */
  onChange?(groups: readonly RecordedGroup[]): void;
}

export function createProcessRegistry({ platform = platformOf(), onChange }: RegistryOptions = {}): ProcessRegistry {
  const known = new Map<number, RecordedGroup>();
  const groups = (): readonly RecordedGroup[] => [...known.values()];

  return {
    add(pid) {
      known.set(pid, { pid, startTime: platform.processStartTime(pid) });
      onChange?.(groups());
    },
    remove(pid) {
      if (known.delete(pid)) onChange?.(groups());
    },
    groups,
    killAll() {
      for (const { pid } of known.values()) platform.killGroup(pid, "SIGKILL");
    },
  };
}

/**
 * Kills what a gateway that was itself killed left behind. A pid may belong to a stranger by now, so only a leader with
 * the recorded start time is taken for ours. Returns how many groups were killed.
 */
export function sweepGroups(recorded: readonly RecordedGroup[], platform: Platform = platformOf()): number {
  const ours = recorded.filter(
    ({ pid, startTime }) => startTime !== undefined && platform.processStartTime(pid) === startTime,
  );
  return ours.filter(({ pid }) => platform.killGroup(pid, "SIGKILL")).length;
}
