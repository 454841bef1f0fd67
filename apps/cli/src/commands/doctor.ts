import { toSlipwayError } from "@slipway/protocol/errors";
import type { Command } from "commander";
import { type Check, check, type DoctorOptions } from "../doctor/check.ts";
import { checkDataFolder, checkDisk, checkGit, checkNode, checkSandbox } from "../doctor/machine.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { dataFolder } from "../stack/data-folder.ts";
import type { SandboxKind } from "../stack/messages.ts";
import type { Screen } from "../terminal/screen.ts";
import { commandLines, plural, printable, wrap } from "../terminal/text.ts";
import { type CommonOptions, exitWith, parseSandbox, screenOf, withCommon } from "./options.ts";

/** What only this command needs is loaded by it alone: every command pays for what stands above. */
const services = async (): Promise<typeof import("../doctor/services.ts")> => await import("../doctor/services.ts");

const GROUPS: ReadonlyArray<readonly [string, (options: DoctorOptions) => Promise<Check[]>]> = [
  ["node", checkNode],
  ["git", checkGit],
  ["sandbox", checkSandbox],
  ["disk", checkDisk],
  ["data folder", checkDataFolder],
  ["server", async (options) => await (await services()).checkServer(options)],
  ["backends", async (options) => await (await services()).checkBackends(options)],
  ["backends", async (options) => await (await import("../doctor/secrets.ts")).checkSecrets(options)],
  ["gateway", async (options) => await (await import("../doctor/gateway.ts")).checkModels(options)],
  ["repository", async () => await (await services()).checkRepository()],
];

export function addDoctor(program: Command): void {
  withCommon(program.command("doctor"))
    .summary("check this machine, say what to mend")
    .description("Tries what Slipway needs. Ends with 1 where something required is missing.")
    .option("--sandbox <kind>", "bwrap (default), or none: then a missing sandbox is no failure", parseSandbox)
    .action(async (options: CommonOptions & { sandbox?: SandboxKind }) => {
      const screen = screenOf(options);
      const asked: DoctorOptions = { data: dataFolder(options.data), sandbox: options.sandbox ?? "bwrap" };
      const checks = (await Promise.all(GROUPS.map(([group, run]) => guarded(group, run, asked)))).flat();
      const failing = checks.filter(({ ok, required }) => !ok && required);
      screen.document({ ok: failing.length === 0, checks });
      for (const [index, one] of checks.entries()) printCheck(screen, one, checks[index - 1]?.group !== one.group);
      screen.print();
      if (failing.length > 0)
        screen.print(screen.colors.red(`${plural(failing.length, "required check")} failed: ${failing.map(({ name }) => name).join(", ")}`));
      else screen.print(screen.colors.green("All that is required is there."));
      exitWith(failing.length > 0 ? EXIT_CODES.failed.code : EXIT_CODES.ok.code);
    });
}

/** A check that breaks is a failing check, and the others go on. */
async function guarded(group: string, run: (options: DoctorOptions) => Promise<Check[]>, options: DoctorOptions): Promise<Check[]> {
  try {
    return await run(options);
  } catch (error) {
    const { message, hint } = toSlipwayError(error);
    return [check(group, group, false, { tried: group, found: message, lost: "unknown", remedy: hint, required: true })];
  }
}

function printCheck(screen: Screen, one: Check, first: boolean): void {
  const { colors } = screen;
  const mark = one.ok ? colors.green("✓") : one.required ? colors.red("✗") : colors.yellow("!");
  if (first) screen.print(colors.bold(one.group));
  const indent = " ".repeat(19);
  const found = wrap(printable(one.found), screen.width - indent.length);
  screen.print(`  ${mark} ${one.name.padEnd(14)} ${found[0] ?? ""}`);
  for (const line of found.slice(1)) screen.print(indent + line);
  if (one.ok) return;
  for (const [name, text] of [
    ["tried", one.tried],
    ["lost", one.lost],
    ["type", one.remedy ?? ""],
  ] as const) {
    for (const [index, line] of (name === "type" ? commandLines : wrap)(text, screen.width - indent.length - 7).entries()) {
      screen.print(`${indent}${colors.dim((index === 0 ? name : "").padEnd(6))} ${name === "type" ? line : colors.dim(line)}`);
    }
  }
}
