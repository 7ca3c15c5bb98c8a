import type { Blow, BlowKind } from "./faults.ts";
import type { Ran } from "./fleet.ts";
import type { Deal } from "./load.ts";
import { figure, invariant, percentile, type Verdict } from "./verdict.ts";

/** So long after a blow a request may still feel it: its deadline is 10 s, and what hangs does so for 3. */
const AFTERMATH_MS = 6_000;
/** An unsafe call that was on its way when its upstream went: it may have run, or was never sent. */
const LOST = -31003;
const HONEST: ReadonlySet<number> = new Set([-31001, -31002, LOST, -31005, -31007]);

/** What the journals of both sides say about the goals. */
export function judgeStorm(deals: readonly Deal[], ran: readonly Ran[], blows: readonly Blow[]): Verdict[] {
  const executions = new Map<string, Ran[]>();
  for (const one of ran) executions.set(one.nonce, [...(executions.get(one.nonce) ?? []), one]);
  const during = (...kinds: BlowKind[]): Deal[] => {
    const some = blows.filter(({ kind }) => kinds.includes(kind));
    return deals.filter(({ startedAt, endedAt }) =>
      some.some(({ from, to }) => endedAt >= from && startedAt <= to + AFTERMATH_MS),
    );
  };
  const failed = (some: readonly Deal[], safe: boolean): string[] =>
    some.filter(deal => deal.safe === safe && deal.end.kind === "error").map(told);
  const notes = (...kinds: BlowKind[]): string[] =>
    blows.filter(({ kind }) => kinds.includes(kind)).flatMap(blow => blow.notes);
  const count = (...kinds: BlowKind[]): number => blows.filter(({ kind }) => kinds.includes(kind)).length;

  const twice = deals.filter(({ once, nonce }) => once && (executions.get(nonce)?.length ?? 0) > 1).map(told);
  const never = deals
    .filter(({ once, nonce, end }) => once && end.kind === "result" && !executions.has(nonce))
    .map(told);
  const ofKind = (kind: Deal["end"]["kind"]): string[] => deals.filter(({ end }) => end.kind === kind).map(told);
  const dishonest = deals.filter(({ safe, end }) => !safe && end.kind === "error" && !HONEST.has(end.code)).map(told);
  const unsafe = deals.filter(({ once }) => once).length;
  const lost = deals.filter(({ end }) => end.kind === "error" && end.code === LOST).length;
  const safe = deals.filter(deal => deal.safe).length;
  const hung = during("hang").filter(deal => deal.safe && deal.end.kind === "result");
  const quiet = (kinds: BlowKind[]): Deal[] => {
    const others = blows.filter(({ kind }) => !kinds.includes(kind));
    return during(...kinds).filter(
      ({ startedAt, endedAt }) => !others.some(({ from, to }) => endedAt >= from && startedAt <= to + AFTERMATH_MS),
    );
  };
  return [
    invariant("G-01", `failed safe calls, of ${safe}, but for hangs`, failed(outside(deals, blows, "hang"), true)),
    invariant("G-01", `unsafe calls that ran twice, of ${unsafe}`, twice),
    invariant("G-01", `unsafe calls that failed otherwise than as lost, of ${lost} lost`, dishonest),
    figure("G-01", `ms from a kill to the last call that it cost, of ${count("kill")} kills`, {
      ...{ value: lastLoss(deals, blows), most: 200, bound: 5_000, unit: " ms" },
    }),
    invariant(
      "G-03",
      `unsafe calls that ran twice under resets, of ${during("reset").filter(deal => deal.once).length}`,
      twice,
    ),
    invariant("G-04", `requests that ended without a JSON-RPC message, of ${deals.length}`, ofKind("dropped")),
    invariant("G-04", "results of unsafe calls that never ran", never),
    invariant("G-20", "answers that belong to another call", ofKind("foreign")),
    invariant("G-07", `failures around ${count("reload")} reloads, unsafe and safe; children that changed`, [
      ...notes("reload"),
      ...failed(quiet(["reload"]), true),
      ...failed(quiet(["reload"]), false),
    ]),
    invariant("G-08", `failures around ${count("misconfigure")} broken configurations; errors without file and line`, [
      ...notes("misconfigure"),
      ...failed(quiet(["misconfigure"]), true),
      ...failed(quiet(["misconfigure"]), false),
    ]),
    figure("G-09", `p99 of ${hung.length} safe calls while a replica hangs`, {
      ...{ value: percentile(hung.map(lasted), 0.99), most: 5_100, bound: 20_000, unit: " ms" },
    }),
    figure("G-09", `safe calls that failed during ${count("hang")} hangs`, {
      ...{ value: failed(during("hang"), true).length, most: 0, bound: Number.POSITIVE_INFINITY, unit: "" },
    }),
  ];
}

const lasted = ({ startedAt, endedAt }: Deal): number => endedAt - startedAt;
const told = ({ nonce, deed, agent, end }: Deal): string =>
  `${deed} ${nonce} of ${agent}: ${"code" in end ? `${end.code} ` : ""}${"text" in end ? end.text : end.kind}`;

const outside = (deals: readonly Deal[], blows: readonly Blow[], kind: BlowKind): Deal[] =>
  deals.filter(({ startedAt, endedAt }) =>
    blows.every(blow => blow.kind !== kind || endedAt < blow.from || startedAt > blow.to + AFTERMATH_MS),
  );

function lastLoss(deals: readonly Deal[], blows: readonly Blow[]): number {
  const kills = blows.filter(({ kind }) => kind === "kill");
  return Math.max(
    0,
    ...kills.flatMap(({ from, to }) =>
      deals
        .filter(
          ({ end, deed, endedAt }) => deed === "count" && end.kind === "error" && endedAt >= from && endedAt <= to,
        )
        .map(({ endedAt }) => endedAt - from),
    ),
  );
}
