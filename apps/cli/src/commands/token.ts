import { ROLES, type Role, type TokenView } from "@slipway/protocol/accounts";
import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Command } from "commander";
import { Option } from "commander";
import { parseTime } from "../terminal/parse.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, printable, until } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

const ROLE_HELP: Readonly<Record<Role, string>> = {
  admin: "everything, tokens and the audit too",
  submitter: "register repositories; submit, cancel, retry and read jobs",
  viewer: "read",
  worker: "for a worker: claim and report attempts",
  integrator: "for an integrator: claim and land completions",
  gateway: "for a gateway: reserve and settle what attempts spend on models",
};

/** The tokens that open the server; for admins. */
export function addToken(program: Command): void {
  const token = program
    .command("token")
    .summary("make, list and revoke tokens (role admin)")
    .description("Tokens that open the server, each with one role. The files in the data folder's `tokens` are those of this machine's own processes.")
    .addHelpText("after", `\nRoles:\n${ROLES.map((role) => `  ${role.padEnd(11)} ${ROLE_HELP[role]}`).join("\n")}`);
  withCommon(token.command("list", { isDefault: true }))
    .summary("list tokens that are good; `slipway token` alone does too")
    .addOption(new Option("--role <role>", "only of this role").choices([...ROLES]))
    .action(listCommand);
  withCommon(token.command("create"))
    .summary("make a token; it is shown once")
    .description(
      `Makes a token and prints it, once: the server keeps its SHA-256 only. Put it in a file of your own and name that with SLIPWAY_TOKEN_FILE.\nRoles: ${ROLES.map((role) => `${role}: ${ROLE_HELP[role]}`).join(". ")}.`,
    )
    .requiredOption("--name <name>", "who or what has it, as the audit will tell")
    .addOption(new Option("--role <role>", "what it may do; see `slipway token --help`").choices([...ROLES]).makeOptionMandatory())
    .option("--expires <when>", "good for a time such as 30d, or until a date; without it, until it is revoked", parseTime)
    .action(createCommand);
  withCommon(token.command("revoke").argument("<token>", "id of the token, or its name where that is the only one"))
    .summary("end a token; what it holds open ends too")
    .action(revokeCommand);
}

async function createCommand({ name, role, expires, ...options }: CommonOptions & { name: string; role: Role; expires?: number }): Promise<void> {
  const screen = screenOf(options);
  const body = { name, role, ...(expires === undefined ? {} : { expiresAt: expires }) };
  const made = await withReader(options, ({ client }) => client.call("createToken", { body }));
  screen.document(made);
  // On standard output alone, so that it can be sent to a file.
  screen.print(made.token);
  if (screen.json) return;
  const end = made.view.expiresAt === null ? "until it is revoked" : `until ${new Date(made.view.expiresAt).toISOString()}`;
  process.stderr.write(
    `${screen.colors.dim(`A token of the role ${role}, good ${end}. It is not shown again; revoke it: slipway token revoke ${made.view.id}`)}\n`,
  );
}

async function listCommand({ role, ...options }: CommonOptions & { role?: Role }): Promise<void> {
  const screen = screenOf(options);
  const all = await withReader(options, async ({ client }) => (await client.call("listTokens", {})).tokens);
  const tokens = all.filter((token) => role === undefined || token.role === role);
  screen.document({ tokens });
  if (tokens.length === 0) return screen.print(screen.colors.dim(`No such tokens. Make one: slipway token create --role ${role ?? "submitter"} --name NAME`));
  const columns: Array<Column<TokenView>> = [
    { title: "id", text: ({ id }) => id },
    { title: "role", text: (token) => token.role },
    { title: "used", text: ({ lastUsedAt }) => (lastUsedAt === null ? "never" : ago(lastUsedAt)) },
    { title: "ends", text: ({ expiresAt }) => (expiresAt === null ? "" : until(expiresAt)) },
    { title: "name", text: ({ name }) => printable(name), grows: true },
  ];
  for (const line of tableLines(screen, columns, tokens)) screen.print(line);
}

async function revokeCommand(wanted: string, options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const revoked = await withReader(options, async ({ client }) => {
    const token = await find(client, wanted);
    await client.call("revokeToken", { params: { token: token.id } });
    return token;
  });
  screen.document({ revoked });
  screen.print(`revoked the token "${printable(revoked.name)}" (${revoked.role})`);
}

async function find(client: Client, wanted: string): Promise<TokenView> {
  const { tokens } = await client.call("listTokens", {});
  const found = tokens.filter(({ id, name }) => id === wanted || name === wanted);
  if (found.length === 1 && found[0]) return found[0];
  const what = found.length === 0 ? `There is no token "${wanted}".` : `${found.length} tokens are named "${wanted}".`;
  const hint = found.length === 0 ? "`slipway token` lists those that are good." : "Name one by its id, as `slipway token` lists them.";
  throw new SlipwayError(found.length === 0 ? "NOT_FOUND" : "CONFLICT", what, { token: wanted, hint });
}
