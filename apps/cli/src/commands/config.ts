import { SlipwayError } from "@slipway/protocol/errors";
import type { Command } from "commander";
import { type EffectiveValue, effectiveValues, type Origin, readRepositoryFile } from "../configuration/effective.ts";
import { installationConfigFile, readInstallationFile } from "../configuration/installation.ts";
import { type NamedPlace, type NamedSecret, namedPlaces, namedSecrets } from "../configuration/places.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { gatewayConfigFile, readGatewayConfig } from "../models/gateway-config.ts";
import { dataFolder } from "../stack/data-folder.ts";
import { failureText } from "../terminal/failure-text.ts";
import type { Screen } from "../terminal/screen.ts";
import { plural, printable } from "../terminal/text.ts";
import { type CommonOptions, exitWith, screenOf, withCommon } from "./options.ts";

export function addConfig(program: Command): void {
  const config = program.command("config").summary("what is set, and where each value comes from");
  withCommon(config.command("show", { isDefault: true }))
    .summary("what is set, and where each value comes from (the default)")
    .description("Shows what holds for what is started or submitted from here, with the option, variable or line that says so. Secrets are named, never shown.")
    .action(configCommand);
  withCommon(config.command("check"))
    .summary("read all configuration files and say what is wrong in them")
    .description("Reads slipway.yaml, gateway.yaml and the .slipway.yaml of the repository around the current folder. Ends with 2 where one is wrong.")
    .action(checkCommand);
}

async function configCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  const [installation, repository, secrets] = await Promise.all([readInstallationFile(data), readRepositoryFile(), namedSecrets(data)]);
  const values = effectiveValues(installation, repository);
  const places = namedPlaces(options.data);
  screen.document({ places, values, secrets });
  if (screen.json) return;
  printRows(
    screen,
    "places",
    places.map(({ name, value, from }: NamedPlace) => [name, value, from]),
  );
  for (const group of ["general", "server", "worker", "jobs"]) {
    const rows = values.filter(({ key }) => (key.includes(".") ? key.split(".")[0] : "general") === group);
    printRows(
      screen,
      group,
      rows.map((row) => [row.key, valueText(row), originText(row.origin)]),
    );
  }
  printRows(
    screen,
    "secrets",
    secrets.map((secret: NamedSecret) => [secret.name, secret.there ? "there" : "missing", secret.where]),
  );
  screen.print(screen.colors.dim("An option wins over a variable, a variable over the files. docs/configuration.md names them all."));
}

function valueText({ value }: EffectiveValue): string {
  if (value === null || value === undefined) return "not set";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function originText(origin: Origin): string {
  if (origin.kind === "default") return "default";
  return origin.kind === "variable" ? origin.variable : `${origin.file}:${origin.line}`;
}

/** Where a value ends and its origin begins is never cut: both may be paths that a person wants to open. */
function printRows(screen: Screen, title: string, rows: ReadonlyArray<readonly [string, string, string]>): void {
  if (rows.length === 0) return;
  const { colors } = screen;
  const width = Math.max(...rows.map(([name]) => name.length));
  screen.print(colors.bold(title));
  for (const [name, value, from] of rows) screen.print(`  ${name.padEnd(width)}  ${printable(value)}  ${colors.dim(`(${printable(from)})`)}`);
  screen.print();
}

interface FileCheck {
  readonly file: string;
  readonly ok: boolean;
  readonly found: string;
  readonly problem: ReturnType<SlipwayError["toJSON"]>["error"] | null;
}

async function checkCommand(options: CommonOptions): Promise<void> {
  const screen = screenOf(options);
  const data = dataFolder(options.data);
  const answers = await Promise.all([
    checked(installationConfigFile(data), async () => {
      const installation = await readInstallationFile(data);
      effectiveValues(installation, undefined);
      return installation.isThere ? "good" : "not there: the defaults hold";
    }),
    checked(gatewayConfigFile(data), async () => {
      const { providers } = await readGatewayConfig(data);
      return `good, or not there: ${plural(Object.keys(providers).length, "provider")}`;
    }),
    checked(".slipway.yaml", async () => ((await readRepositoryFile()) ? "good" : "not there: no gates, so results land without tests")),
  ]);
  const wrong = answers.filter(({ ok }) => !ok);
  screen.document({ ok: wrong.length === 0, files: answers });
  for (const { file, ok, found, problem } of answers) {
    screen.print(`${ok ? screen.colors.green("✓") : screen.colors.red("✗")} ${printable(file)}${ok ? `  ${found}` : ""}`);
    if (problem) for (const line of problemLines(problem)) screen.print(`    ${line}`);
  }
  exitWith(wrong.length > 0 ? EXIT_CODES.usage.code : EXIT_CODES.ok.code);
}

async function checked(file: string, read: () => Promise<string>): Promise<FileCheck> {
  try {
    return { file, ok: true, found: await read(), problem: null };
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { file, ok: false, found: error.message, problem: error.toJSON().error };
  }
}

function problemLines(problem: NonNullable<FileCheck["problem"]>): string[] {
  const { message, problems } = failureText(problem);
  return [message, ...problems, printable(problem.hint)];
}
