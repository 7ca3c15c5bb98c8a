import { type Trouble, trouble } from "./errors.ts";

interface Refusal {
  readonly what: string;
  readonly help: string;
}

/** What a system may refuse for reasons that are no bug, by the codes of its errors. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ENOSPC: { what: "There is no space left on the disk", help: "Make room there, and try again." },
  EDQUOT: { what: "Your disk quota is used up", help: "Make room there, and try again." },
  EROFS: { what: "The file system is read-only", help: "Use a folder that can be written to, or mount it writable." },
  EACCES: { what: "Permission denied", help: "Check who owns it and its folder, and what they let you do: `ls -ld`." },
  EPERM: { what: "The system does not permit it", help: "Check who owns it and its folder: `ls -ld`." },
  ENOTDIR: { what: "A part of the path is not a folder", help: "Look at what lies there, and move it out of the way." },
  EISDIR: { what: "A folder is in the way", help: "Look at what lies there, and move it out of the way." },
  EEXIST: { what: "Something else is in the way", help: "Look at what lies there, and move it out of the way." },
  ENAMETOOLONG: { what: "The path is too long", help: "Use a folder with a shorter path." },
  EIO: { what: "The disk does not work", help: "See what the system says of it: `dmesg`." },
  EMFILE: { what: "Too many files are open", help: 'Raise the limit: "ulimit -n".' },
  ENFILE: { what: "The system has too many files open", help: "End programs that hold many, or raise the limit." },
  ENOMEM: { what: "There is not enough memory", help: "End programs that need much of it." },
};

/** An error of the system in words; `undefined` where it may be a mistake of ours. */
export function systemTrouble(error: unknown): Trouble | undefined {
  const { code = "", syscall, path, message } = error as NodeJS.ErrnoException;
  const refusal = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  // Only what a call to the system reported tells of the system.
  if (!refusal || syscall === undefined) return undefined;
  const where = path === undefined ? message : `${path} (${syscall}: ${code})`;
  return trouble("system", refusal.what, { where, help: [refusal.help] });
}
