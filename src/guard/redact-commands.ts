import { MARK } from "./sensitive.ts";

/**
 * What programs take as a secret without calling it one: options of one letter, the argument in a certain place, what is
 * piped in. Each row is what stands before it. Every run is bounded, and every row begins with a word.
 */
const BEFORE = [
  "\\b(?:docker|podman|nerdctl|buildah|skopeo|crane|helm|oras|az|oc|cf|ibmcloud|argocd|vault|bw|npm)\\s[^\\n|;&]{0,60}?login\\b[^\\n|;&]{0,160}?\\s-p(?:\\s{1,4}|=)",
  "\\bldap(?:search|modify|add|delete|passwd|whoami|compare|modrdn)\\b[^\\n|;&]{0,200}?\\s-[wsa](?:\\s{1,4}|(?=[^\\s-]))",
  "\\b(?:zip|unzip|7z[ar]?|unrar|sqlcmd|isql|osql|ipmitool|mosquitto_(?:pub|sub)|certutil|plink|pscp|psftp|mongo\\w{0,8}|cqlsh|winexe|psexec|ncftp\\w{0,4}|useradd|usermod|influx|beeline|xfreerdp|rdesktop|rpcclient|snowsql|valkey-cli|keydb-cli)\\b[^\\n|;&]{0,160}?\\s-{1,2}(?:P|p|pw|a|w|pass|y)(?:\\s{1,4}|[=:]|(?=[^\\s\\w-]|[A-Z0-9]))",
  "\\bsshpass\\s{1,4}(?:-\\w\\s{1,4})?-p\\s{0,4}",
  "\\bpulumi\\s{1,4}config\\s{1,4}set\\b[^\\n|;&]{0,80}?--secret\\s{1,4}(?:\\S{1,64}\\s{1,4})",
  "\\bsecrets?\\s{1,4}(?:set|put|create|add)\\b[^\\n|;&]{0,160}?\\s(?:-b|--body|--value|--data|-v)(?:\\s{1,4}|=)",
  "\\bSecureString\\b[^\\n|;&]{0,120}?\\s--value(?:\\s{1,4}|=)|\\sput-parameter\\b[^\\n|;&]{0,120}?\\s--value(?:\\s{1,4}|=)(?=[^\\n]{0,200}SecureString)",
  "\\b(?:sudo\\s{1,4}-S|passwd|cryptsetup|kinit)\\b[^\\n|;&]{0,80}?<<<\\s{0,4}",
  "\\bauth-user-pass\\s{0,4}\\n\\s{0,16}\\S{1,64}\\s{0,4}\\n\\s{0,16}",
  "\\bWIFI:[^\\n]{0,160}?\\bP:",
  "\\bSETUSER\\s{1,4}\\S{1,64}[^\\n]{0,60}?\\s[><#]",
  "\\{(?:PLAIN|CLEARTEXT|CRYPT|S?SHA\\d{0,3}|S?MD5|BCRYPT|noop|bcrypt)\\}",
  "\\bCLIENT_(?:RANDOM|(?:HANDSHAKE_)?TRAFFIC_SECRET\\w{0,4})\\s{1,4}[0-9a-f]{8,128}\\s{1,4}",
  "\\b(?:sp_addlogin|sp_password|sp_addlinkedsrvlogin)\\s[^\\n]{0,120}?,\\s{0,4}N?(?=[\"'])",
  "\\b(?:with|set|changed?|use|using|try|tried)\\s{1,3}(?:the\\s{1,3}|my\\s{1,3}|your\\s{1,3})?(?:password|passphrase|passcode|passwd)\\s{1,3}(?!manager|reset|field|policy|prompt|option|generator|vault|file|flag|from|that|which|stored|form|input)(?=[^\\s]{6,64}(?:[.,;!?)]?\\s{0,2}(?:\\n|$)|\\s(?:to|for|and|when|on|at|in|as)\\b))",
  "\\b(?:set|changed?|reset)\\b[^\\n.]{0,40}\\b(?:password|passphrase|passcode|passwd|pin)\\s{1,3}to\\s{1,3}",
  "\\b(?:requirepass|masterauth|insecure-password)\\s{1,4}",
  "\\s-U\\s{0,2}[\"']?[\\w.\\\\/@-]{1,64}%",
  "\\b(?:lftp|ncftp)\\b[^\\n|;&]{0,60}?\\s-u\\s{1,4}[\\w.@-]{1,64},",
  "--from-literal[= ]\\s{0,4}[\"']?[\\w.-]{1,64}=",
  "\\brabbitmqctl\\s{1,4}(?:add_user|change_password|authenticate_user)\\s{1,4}\\S{1,64}\\s{1,4}",
  "\\bhtpasswd\\s{1,4}-\\w{0,8}b\\w{0,8}\\s{1,4}\\S{1,128}\\s{1,4}\\S{1,64}\\s{1,4}",
  '\\bwpa_passphrase\\s{1,4}(?:"[^"\\n]{1,64}"|\\S{1,64})\\s{1,4}',
  "\\bsnmp(?:get|walk|set|bulkwalk|bulkget|trap|table)\\b[^\\n|;&]{0,120}?\\s-[cAX]\\s{0,4}",
  "\\b(?:snmp-server|snmp)\\s{1,4}community\\s{1,4}|\\b(?:ro|rw)community6?\\s{1,4}",
  "\\b(?:secret|password)\\s{1,4}[05789]\\s{1,4}|\\b(?:key|key-string|md5)\\s{1,4}[07]\\s{1,4}",
  "\\b(?:nmcli|iwconfig|netsh)\\b[^\\n|;&]{0,120}?\\s(?:password|key|keyMaterial=?)\\s{1,4}(?:s:)?",
  "\\bAUTH\\s{1,4}(?:default\\s{1,4})?(?=\\S{6,128}\\s{0,4}(?:\\n|$|\\\\r))",
  "\\b(?:PASS|LOGIN\\s{1,2}\\S{1,64})\\s{1,2}(?=[^\\s:]{4,128}\\r?(?:\\n|$|\\\\r))",
].join("|");
/** What is printed into a program that reads a secret. */
const PIPED =
  "\\b(?:echo|printf)\\s{1,4}(?:-\\w{1,3}\\s{1,4})?(?:[\"']?%s(?:\\\\n)?[\"']?\\s{1,4})?[\"']?(?:[\\w.@-]{1,64}:)?(?=[^\\n|]{1,200}\\|[^\\n]{0,200}(?:-stdin\\b|--with-token|chpasswd|passwd\\b|\\bsudo\\s{1,4}-S|passphrase-fd|cryptsetup|\\blogin\\b|kinit|\\bopenssl\\b|\\bsecrets?\\s{1,4}(?:set|put|create|add)\\b))";
const WORD_AFTER = new RegExp(`(${BEFORE}|${PIPED})(?:"[^"\\n]{1,256}"|'[^'\\n]{1,256}'|[^\\s"'\`;&|<>]{3,256})`, "gm");

/** Calls whose last text is a password, whatever the arguments are called. */
const CALL =
  /\b(?:getConnection|mysqli(?:_connect|_real_connect)?|real_connect|pg_connect|PDO|DBI->connect|[Ll]ogin|authenticate|\w{0,4}BasicAuth|\w{0,4}DigestAuth|[Bb]asic_?[Aa]uth|auth|NetworkCredential|Credentials?|UsernamePassword\w{0,32}|PasswordAuthentication|PasswordCredentials|ldap_bind|simple_bind_s|ftp_login|ssh2_auth_password)\s{0,2}=?\s{0,2}\(/g;
const QUOTED = /(\\*["'`])((?:(?!\1)[^\n]){1,256})\1/g;
const LONGEST_CALL = 400;

/** Removes what is a secret by its place in a command line, in a session of a protocol, or in a call. */
export const redactCommands = (text: string): string => withoutLastArguments(text.replace(WORD_AFTER, `$1${MARK}`));

function withoutLastArguments(text: string): string {
  let out = "";
  let from = 0;
  for (const match of text.matchAll(CALL)) {
    const start = match.index + match[0].length;
    if (start < from) continue;
    const line = text.slice(start, start + LONGEST_CALL).split(/\)|\n/, 1)[0] ?? "";
    const texts = [...line.matchAll(QUOTED)];
    const last = texts.at(-1);
    if (!last || texts.length < 2) continue;
    const at = start + last.index + (last[1] ?? "").length;
    out += text.slice(from, at) + MARK;
    from = at + (last[2] ?? "").length;
  }
  return out + text.slice(from);
}
