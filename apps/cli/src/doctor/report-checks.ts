import { EXIT_CODES } from "../exit-codes.ts";
import type { Screen } from "../terminal/screen.ts";
import { commandLines, plural, printable, wrap } from "../terminal/text.ts";
import type { Check } from "./check.ts";
import { foldChecks } from "./fold-checks.ts";

/** Tells of the checks, for people or as a document, and answers the exit code. */
export function reportChecks(screen: Screen, checks: readonly Check[]): number {
  const failing = failingOf(checks);
  screen.document({ ok: failing.length === 0, checks });
  const shown = foldChecks(checks);
  for (const [index, one] of shown.entries()) printCheck(screen, one, shown[index - 1]?.group !== one.group);
  screen.print();
  if (failing.length > 0) screen.print(screen.colors.red(`${plural(failing.length, "required check")} failed: ${failing.map(({ name }) => name).join(", ")}`));
  else screen.print(screen.colors.green("All that is required is there."));
  return failing.length > 0 ? EXIT_CODES.failed.code : EXIT_CODES.ok.code;
}

/** The failing ones that are required. */
export function failingOf(checks: readonly Check[]): Check[] {
  return checks.filter(({ ok, required }) => !ok && required);
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
