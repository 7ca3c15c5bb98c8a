import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** An authority of our own, and what it or nobody vouches for. Made anew, so that nothing expires in the repository. */
export interface Certificates {
  /** Path of the authority's certificate. */
  readonly authority: string;
  readonly good: Certificate;
  readonly expired: Certificate;
  readonly wrongName: Certificate;
  readonly selfSigned: Certificate;
  close(): Promise<void>;
}

export function makeCertificates(): Certificates {
  const dir = mkdtempSync(join(tmpdir(), "radium-certificates-"));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: dir, stdio: "ignore" });
  const read = (name: string) => readFileSync(join(dir, name), "utf8");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const alone = (name: string) =>
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
      "-subj",
      "/CN=localhost",
      "-days",
      "2",
    );
  const issue = (name: string, host: string, days: string): Certificate => {
    openssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", "/CN=server");
    writeFileSync(join(dir, `${name}.ext`), `subjectAltName=DNS:${host}`);
    const authority = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"];
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...authority,
      "-days",
      days,
      "-extfile",
      `${name}.ext`,
      "-out",
      `${name}.pem`,
    );
    return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
  };
  alone("authority");
  alone("self");
  return {
    authority: join(dir, "authority.pem"),
    good: issue("good", "localhost", "2"),
    expired: issue("expired", "localhost", "-1"),
    wrongName: issue("wrong", "elsewhere.example", "2"),
    selfSigned: { key: read("self.key"), cert: read("self.pem") },
    close: async () => rmSync(dir, { recursive: true, force: true }),
  };
}
