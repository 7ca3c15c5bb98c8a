import { CANARIES } from "../fixtures/hostile/secrets.ts";

/** Looks for what no agent may see, in the spellings in which it is passed on. */
export interface CanaryWatch {
  look(where: string, text: string): void;
  readonly found: string[];
}

const inBase64 = (secret: string): string[] =>
  ["", "x", "xx"].map(before =>
    Buffer.from(`${before}${secret}`)
      .toString("base64url")
      // The first and the last characters hold bits of what stands around it.
      .slice(before.length === 0 ? 0 : 4, -4),
  );
const SPELLINGS = Object.values(CANARIES).flatMap(secret => [
  ...inBase64(secret),
  secret,
  secret.toLowerCase(),
  secret.toUpperCase(),
  Buffer.from(secret).toString("hex"),
]);

export function createCanaryWatch(): CanaryWatch {
  const found: string[] = [];
  return {
    found,
    look(where, text) {
      for (const spelling of SPELLINGS) {
        const at = text.indexOf(spelling);
        if (at >= 0) found.push(`${where}: ${text.slice(Math.max(0, at - 40), at + 60)}`);
      }
    },
  };
}
