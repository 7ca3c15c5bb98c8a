import type { UpstreamConfig } from "../../config/schema.ts";
import type { Instance } from "../../core/route.ts";
import { createSchedule } from "./schedule.ts";

/** The settings of an upstream: some may change while its conversations stay (`live` in `src/config/verdicts.ts`). */
export interface Settings {
  readonly config: UpstreamConfig;
  readonly trust: Instance["trust"];
  readonly limits: Instance["limits"];
  adjust(config: UpstreamConfig): void;
}

export function createSettings(opened: UpstreamConfig, startsTasks: () => boolean): Settings {
  let config = opened;
  let limits = createSchedule(config);
  let safeToRetry: ReadonlySet<string> = new Set(config.safe_to_retry);
  return {
    get config() {
      return config;
    },
    get limits() {
      return limits;
    },
    trust: {
      get annotations() {
        return config.trust_annotations;
      },
      get safeToRetry() {
        return safeToRetry;
      },
      get startsTasks() {
        return startsTasks();
      },
    },
    adjust(next) {
      config = next;
      limits = createSchedule(next);
      safeToRetry = new Set(next.safe_to_retry);
    },
  };
}
