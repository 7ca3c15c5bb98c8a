/** Source lines are shown on terminals and kept in the logs of build machines; the secrets in them are not. */

const SECRET_KEY =
  /((?:secr|token|passw|authorization|api[_-]?key|cookie|credential)[\w"'.-]{0,64}\s{0,64}=\s{0,64})("[^"]*|'[^']*)/gi;
const BEARER = /(\b(?:Bearer|Basic)\s+)([^"'\s]+)/gi;
const USERINFO = /(:\/\/)([^/@\s"']+)(?=@)/g;

const stars = (text: string): string => text.replace(/[^"']/g, "*");

/** Replaces what looks like a secret by as many asterisks, so that columns stay where they are. */
export function maskSecrets(line: string): string {
  const hide = (whole: string, before: string, secret: string) =>
    secret.includes("${") || /^token_url\b/i.test(whole) ? whole : before + stars(secret);
  return line.replace(SECRET_KEY, hide).replace(BEARER, hide).replace(USERINFO, hide);
}
