import type { KnownSecrets } from "../../core/secrets/known-secrets.ts";

/** What of the secrets whoever moves messages needs. */
export type Secrets = Pick<KnownSecrets, "learn" | "learnName" | "hide" | "hideInJson">;
