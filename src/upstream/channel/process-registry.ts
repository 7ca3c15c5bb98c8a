import { newMark } from "../../lib/marked-processes.ts";
import { type Platform, platformOf } from "../../lib/platform.ts";

/** A process group, named so that a later gateway can recognise it after a crash. */
export interface RecordedGroup {
  /** Of its leader, whether or not that still runs. */
  readonly pid: number;
  readonly startTime: string | undefined;
  /** What its leader's standard streams are called, where the system tells. */
  readonly pipes: readonly string[];
}

/** The process groups that one gateway started and that may still run. */
export interface ProcessRegistry {
  /** What the children of this gateway carry in `MARK_VARIABLE`. To ask for it announces a child: it is on record by then. */
  mark(): string;
  /** Returns what is recorded of the group that this process leads. */
  add(pid: number): RecordedGroup;
  remove(pid: number): void;
  groups(): readonly RecordedGroup[];
  /** SIGKILL to every group. Synchronous: made for `process.on("exit", registry.killAll)`. */
  killAll(): void;
}

export interface RegistryOptions {
  readonly platform?: Platform;
  /** Called before the first child and after every change: what to keep on disk for `sweepLeft`. */
  onChange?(record: { readonly mark: string; readonly groups: readonly RecordedGroup[] }): void;
}

export function createProcessRegistry({ platform = platformOf(), onChange }: RegistryOptions = {}): ProcessRegistry {
  const known = new Map<number, RecordedGroup>();
  const mark = newMark();
  let announced = false;
  const groups = (): readonly RecordedGroup[] => [...known.values()];
  const changed = (): void => onChange?.({ mark, groups: groups() });

  return {
    mark() {
      if (!announced) changed();
      announced = true;
      return mark;
    },
    add(pid) {
      const pipes = platform.sight.pipesOf?.(pid) ?? [];
      const group = { pid, startTime: platform.processStartTime(pid), pipes };
      known.set(pid, group);
      changed();
      return group;
    },
    remove(pid) {
      if (known.delete(pid)) changed();
    },
    groups,
    killAll() {
      for (const { pid } of known.values()) platform.killGroup(pid, "SIGKILL");
    },
  };
}
