import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import type { Clock, Opened, SealContext, Sealer } from "../core/ports.ts";
import { steady } from "./clock.ts";

/** In bytes. */
export const SEAL_KEY_BYTES = 32;

const FORMAT = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const EXPIRY_BYTES = 8;
const HEAD_BYTES = 1 + SALT_BYTES + NONCE_BYTES;
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_SEALED = Math.ceil(((HEAD_BYTES + EXPIRY_BYTES + MAX_TEXT_BYTES + TAG_BYTES) * 4) / 3);

const FORGED: Opened = { ok: false, reason: "forged" };

/**
 * AES-256-GCM under a key of its own for each text, so that one key lasts for any number of them. The context is
 * authenticated and not contained. A text outlives its process, so the end of its life is a time of day, by a clock that
 * nobody sets while the process runs. Layout: format, salt, nonce, ciphertext of (expiry, text), tag; in base64url.
 */
export function createSealer(key: Buffer, { clock }: { clock: Pick<Clock, "wall" | "now"> }): Sealer {
  if (key.length !== SEAL_KEY_BYTES) throw new RangeError(`a sealing key has ${SEAL_KEY_BYTES} bytes`);
  const time = steady(clock);
  const keyFor = (salt: Buffer): Buffer => createHmac("sha256", key).update(salt).digest();

  function open(context: SealContext, bytes: Buffer): Buffer | undefined {
    const salt = bytes.subarray(1, 1 + SALT_BYTES);
    const nonce = bytes.subarray(1 + SALT_BYTES, HEAD_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", keyFor(salt), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(contextBytes(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES));
    try {
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }

  return {
    maxBytes: MAX_TEXT_BYTES,
    seal({ expiresInMs, ...context }, text) {
      const size = Buffer.byteLength(text);
      if (size > MAX_TEXT_BYTES) throw new RangeError(`${size} bytes are too many to seal`);
      const plain = Buffer.alloc(EXPIRY_BYTES + size);
      plain.writeDoubleBE(time() + expiresInMs);
      plain.write(text, EXPIRY_BYTES);
      const salt = randomBytes(SALT_BYTES);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", keyFor(salt), nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(contextBytes(context));
      const parts = [Buffer.of(FORMAT), salt, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat(parts).toString("base64url");
    },
    open(context, sealed) {
      if (sealed.length > MAX_SEALED) return FORGED;
      const bytes = Buffer.from(sealed, "base64url");
      // The decoder passes over what is no base64url: one sealed text has one spelling.
      if (bytes.length < HEAD_BYTES + EXPIRY_BYTES + TAG_BYTES || bytes.toString("base64url") !== sealed) return FORGED;
      const plain = bytes[0] === FORMAT ? open(context, bytes) : undefined;
      if (!plain) return FORGED;
      if (time() >= plain.readDoubleBE()) return { ok: false, reason: "expired" };
      return { ok: true, text: plain.toString("utf8", EXPIRY_BYTES) };
    },
  };
}

/** No two contexts have the same bytes. */
const contextBytes = ({ purpose, principal, about }: SealContext): Buffer =>
  Buffer.from(JSON.stringify([purpose, principal, about]));
