/** What `rad` ends with. Scripts depend on these numbers. */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  notRunning: 3,
  /** Also: the port is taken. */
  alreadyRunning: 4,
  /** The configuration is bad or missing. */
  badConfig: 5,
  /** It runs, but not all of it (`status`). */
  degraded: 6,
  authentication: 7,
  timedOut: 8,
  /** `enable = false`. */
  disabled: 9,
  /** The configuration came with a repository, and its user has not said that it may start what it names. */
  notTrusted: 10,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
