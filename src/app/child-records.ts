import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lives, type Owner, thisProcess } from "../lib/lock-file.ts";
import { isMark } from "../lib/marked-processes.ts";
import { clearUnfinished, readOwnFile, replaceFile } from "../lib/replace-file.ts";
import { needPrivateFolder } from "../lib/run-file.ts";
import type { RecordedGroup } from "../upstream/channel/process-registry.ts";
import { type LeftRecord, sweepLeft } from "../upstream/child/left-processes.ts";

/** Which children run, on disk, for the process that comes after a crash: one file of each gateway, named after its mark. */
export interface ChildRecords {
  save(record: LeftRecord): void;
  /** This gateway ends: what its record names is all that may still run. */
  end(): void;
}

interface Kept extends LeftRecord {
  readonly owner: Owner;
}

const FORMAT = 1;
const NOTHING: ChildRecords = { save: () => {}, end: () => {} };

/** Without a folder nothing is kept. Children that earlier gateways left behind when they were killed are ended now. */
export function createChildRecords(folder: string | null, trouble: (detail: string) => void): ChildRecords {
  if (folder === null) return NOTHING;
  sweep(folder, trouble);
  const owner = thisProcess();
  const pathOf = (mark: string): string => join(folder, `${mark}.json`);
  let last: LeftRecord | undefined;
  return {
    save(record) {
      last = record;
      try {
        needPrivateFolder(folder);
        replaceFile(pathOf(record.mark), JSON.stringify({ format: FORMAT, owner, ...record }));
      } catch (error) {
        trouble(`children could not be recorded, so those of a killed gateway may stay: ${(error as Error).message}`);
      }
    },
    end() {
      if (last && last.groups.length === 0) rmSync(pathOf(last.mark), { force: true });
    },
  };
}

function sweep(folder: string, trouble: (detail: string) => void): void {
  const left = recordsIn(folder).filter(({ owner }) => !lives(owner));
  if (left.length === 0) return;
  const { unproven, holding } = sweepLeft(left);
  for (const pid of holding) {
    trouble(
      `process ${pid} holds pipes of a child of an earlier gateway, and nothing else proves that it is one, so it is left alone (kill -9 ${pid} ends it)`,
    );
  }
  for (const group of unproven) {
    trouble(
      `process group ${group}, which may be a child's of an earlier gateway, still runs; nothing proves that it is, so it is left alone (kill -9 -${group} ends it)`,
    );
  }
  for (const { mark } of left) rmSync(join(folder, `${mark}.json`), { force: true });
}

function recordsIn(folder: string): Kept[] {
  try {
    clearUnfinished(folder);
    return readdirSync(folder).flatMap(name => {
      const mark = /^(.+)\.json$/.exec(name)?.[1];
      const kept = isMark(mark) ? recordAt(join(folder, name)) : undefined;
      return kept && kept.mark === mark ? [kept] : [];
    });
  } catch {
    // No folder: nothing was left behind.
    return [];
  }
}

/** What makes no sense is as good as no record. */
function recordAt(path: string): Kept | undefined {
  try {
    const { format, owner, mark, groups } = JSON.parse(String(readOwnFile(path)));
    if (format !== FORMAT || !isMark(mark) || !isOwner(owner) || !Array.isArray(groups)) return undefined;
    return { owner, mark, groups: groups.filter(isGroup) };
  } catch {
    return undefined;
  }
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 1;
const isText = (value: unknown): value is string => typeof value === "string";
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const isOwner = (value: unknown): value is Owner =>
  isObject(value) && Number.isSafeInteger(value.pid) && (value.startTime === null || isText(value.startTime));

const isGroup = (value: unknown): value is RecordedGroup =>
  isObject(value) &&
  isNumber(value.pid) &&
  (value.startTime === undefined || isText(value.startTime)) &&
  Array.isArray(value.pipes) &&
  value.pipes.every(isText);
