import { userTrouble } from "../../lib/users.ts";
import { maskLine, secretsOf } from "../configured-secrets.ts";
import { EXIT } from "../exit-codes.ts";
import { printable } from "../terminal/printable.ts";
import { plain } from "../terminal/terminal.ts";
import { count } from "../terminal/words.ts";
import { type Command, type Common, configPathOf, placesOf } from "./command.ts";
import { trustIn } from "./trusting.ts";

const UNTRUSTED =
  "It came with a repository, and starts nothing before you have seen what: `rad mcp proxy trust` (RAD2022).";

/** Says everything that is wrong with a configuration, all at once. */
export const validate: Command<Common> = async (options, context) => {
  const { terminal, env, secrets } = context;
  const path = configPathOf(placesOf(options, context));
  const [{ loadConfig }, { renderProblem }] = await Promise.all([
    import("../../config/load.ts"),
    import("../../config/render.ts"),
  ]);
  const { allowInsecureConfig: allowInsecure } = options;
  const loaded = loadConfig({ path, env, user: userTrouble, mask: maskLine, allowInsecure });
  if (loaded.holding) secrets.learn(secretsOf(loaded.holding(), env));
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  if (options.json) {
    terminal.json(JSON.stringify({ schema: "rad.validate/1", ok: loaded.ok, config: path, problems }));
    return loaded.ok ? EXIT.ok : EXIT.badConfig;
  }
  for (const problem of problems) terminal.err(`${renderProblem(problem, { color: terminal.paint.err !== plain })}\n`);
  const warnings = problems.filter(({ level }) => level === "warning").length;
  const aside = warnings > 0 ? `, ${count(warnings, "warning")}` : "";
  if (loaded.ok) {
    const upstreams = count(loaded.config.upstreams.length, "upstream");
    terminal.out(
      `${terminal.paint.out("good", "The configuration is valid")}: ${printable(path)} (${upstreams}${aside})`,
    );
    if (!trustIn({ path, written: loaded.written }, context).isTrusted) terminal.err(UNTRUSTED);
    return EXIT.ok;
  }
  terminal.err(`${count(problems.length - warnings, "error")}${aside} in ${printable(path)}`);
  return EXIT.badConfig;
};
