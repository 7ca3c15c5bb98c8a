import { setImmediate } from "node:timers/promises";
import type { Outcome } from "../../core/call.ts";
import { KINDS, type Kind } from "../../core/catalog.ts";
import type { Failure } from "../../core/failure.ts";
import { errorOf } from "../../wire/rpc-errors.ts";
import { askTool } from "../ask.ts";
import type { Gateway } from "../gateway.ts";
import { type CallAnswer, type CallFailure, type GatewayClient, type Listed, listed } from "./gateway-client.ts";

/** The client of a gateway in this process. Closing it leaves the gateway as it is. */
export function localClient(gateway: Gateway): GatewayClient {
  const took = new Map<string, number>();
  const startedMs = performance.now();
  const forget = gateway.onUpstream(({ name, state }) => {
    if (state !== "connecting" && !took.has(name)) took.set(name, Math.round(performance.now() - startedMs));
  });
  const statusAfter = async (waitMs: number) => {
    if (waitMs > 0) await allTried(gateway, waitMs);
    return gateway.status();
  };
  return {
    status: ({ waitMs }) => statusAfter(waitMs),
    catalog: async ({ waitMs }) => {
      const { upstreams } = await statusAfter(waitMs);
      const catalog = gateway.front.view({ kind: "all" })?.catalog();
      const entries = Object.fromEntries(
        KINDS.map(kind => [kind, (catalog?.entries[kind] ?? []).map(listed)]),
      ) as Record<Kind, Listed[]>;
      const { missing = [], hidden = [] } = catalog ?? {};
      return { entries, missing, hidden, upstreams: upstreams.map(({ name }) => name) };
    },
    call: async tool => answerOf(await askTool(gateway.front, tool), gateway),
    test: async ({ waitMs }) => {
      const { upstreams, catalog } = await statusAfter(waitMs);
      return {
        upstreams: upstreams.map(status => {
          const own = catalog.hidden.filter(({ upstream }) => upstream === status.name);
          const hidden = own.map(({ upstream: _, ...rest }) => rest);
          return { ...status, tookMs: took.get(status.name) ?? null, hidden };
        }),
      };
    },
    close: async () => forget(),
  };
}

/**
 * Resolves when every upstream has been tried, or after `waitMs`. The gateway itself waits only for those it knows
 * nothing of; a person also wants to see those whose catalog it remembers.
 */
export async function allTried(gateway: Gateway, waitMs: number): Promise<void> {
  const startedMs = performance.now();
  await new Promise<void>(resolve => {
    const isDone = (): boolean => gateway.status().upstreams.every(({ state }) => state !== "connecting");
    const finish = (): void => {
      clearTimeout(timer);
      forget();
      resolve();
    };
    const timer = setTimeout(finish, waitMs);
    const forget = gateway.onUpstream(() => {
      if (isDone()) finish();
    });
    if (isDone()) finish();
  });
  // Large catalogs are built aside.
  await gateway.settled(0);
  // What the last one offers is in the catalog a turn later.
  await setImmediate();
  await gateway.settled(Math.max(0, waitMs - (performance.now() - startedMs)));
}

function answerOf(outcome: Outcome, gateway: Gateway): CallAnswer {
  const upstream = outcome.route?.upstream ?? null;
  switch (outcome.kind) {
    case "done":
      return { kind: "done", upstream, result: outcome.result };
    case "asks":
      return { kind: "asks", upstream };
    case "failed":
      return { kind: "failed", failure: failureOf(outcome.failure, gateway) };
  }
}

function failureOf(failure: Failure, { withoutSecrets }: Gateway): CallFailure {
  const { code, error } = errorOf(failure);
  // A detail may hold what an upstream wrote to stderr, or what we sent it.
  const detail = withoutSecrets(detailOf(failure));
  return { reason: reasonOf(failure), message: error.string("message") ?? "", detail, code };
}

function reasonOf(failure: Failure): CallFailure["reason"] {
  if (failure.kind === "unknown_name" || failure.kind === "ambiguous_name") return "unknown_name";
  if (failure.kind !== "upstream") return "other";
  if (failure.fault === "timeout") return "timed_out";
  return failure.fault === "auth_required" ? "authentication" : "other";
}

function detailOf(failure: Failure): string {
  return failure.kind === "upstream" || failure.kind === "internal" ? failure.detail : "";
}
