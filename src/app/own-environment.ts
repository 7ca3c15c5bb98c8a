const UNVERIFIED = "NODE_TLS_REJECT_UNAUTHORIZED";
const NOT_HEEDED =
  `${UNVERIFIED}=0 is not heeded: certificates are verified. Name authorities of your own in NODE_EXTRA_CA_CERTS; ` +
  "`insecure_skip_verify = true` beside the `url` of one upstream takes any certificate there.";

/**
 * The environment as it was when the gateway began, for children and proxies. What would turn the verification of
 * certificates off is taken out of the process, where Node would look for it, and told of.
 */
export function ownEnvironment(env: NodeJS.ProcessEnv, tell: (warning: string) => void): NodeJS.ProcessEnv {
  const environment = { ...env };
  if (environment[UNVERIFIED] === "0") {
    delete env[UNVERIFIED];
    tell(NOT_HEEDED);
  }
  return environment;
}
