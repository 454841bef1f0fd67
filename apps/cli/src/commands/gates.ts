import type { FlakeView } from "@slipway/protocol/baseline";
import { QUARANTINE_AFTER_JOBS, QUARANTINE_DAYS } from "@slipway/protocol/quarantine";
import { type Command, InvalidArgumentError } from "commander";
import { shellWord } from "../terminal/shell.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, cut, plural, printable } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

interface ListOptions extends CommonOptions {
  readonly repo?: string;
}

interface ClearOptions extends CommonOptions {
  readonly failure?: string;
}

type Row = FlakeView & { readonly repository: string };

const SHOWN_DIGITS = 12;

export function addGates(program: Command): void {
  const gates = program
    .command("gates")
    .summary("failures of gates that come and go; forget them")
    .description(
      `Failures that were gone when their gate was run again on the same files. One that ${QUARANTINE_AFTER_JOBS} jobs have seen within ${QUARANTINE_DAYS} days is quarantined: it bounces no job, and is shown wherever it is red.`,
    );
  withCommon(gates.command("list", { isDefault: true }))
    .summary("list flaky failures; `slipway gates` alone does too")
    .option("--repo <repository>", "of this repository alone, by its name or id")
    .action(listCommand);
  withCommon(gates.command("clear").argument("<repository>", "name or id of the repository").argument("<gate>", "name of the gate"))
    .summary("forget flaky failures of a gate, and end their quarantine")
    .description("For a gate that was mended: what is red from here on bounces jobs again. Who did it is kept in the audit.")
    .option("--failure <digest>", "this failure alone, by the beginning of its digest", parseDigest)
    .action(clearCommand);
}

function parseDigest(text: string): string {
  if (/^[0-9a-f]{8,64}$/.test(text)) return text;
  throw new InvalidArgumentError("Expected 8 to 64 hexadecimal digits, as `slipway gates` shows them.");
}

async function listCommand(options: ListOptions): Promise<void> {
  const screen = screenOf(options);
  const rows = await withReader(options, async ({ client }): Promise<Row[]> => {
    const { repositories } = await client.call("listRepositories", {});
    const wanted = options.repo === undefined ? repositories.map(({ id, name }) => ({ id, name })) : [{ id: options.repo, name: options.repo }];
    const found: Row[] = [];
    for (const { id, name } of wanted) {
      const repository = repositories.find((one) => one.id === id || one.name === id)?.name ?? name;
      const { flakes } = await client.call("listFlakes", { params: { repo: id } });
      found.push(...flakes.map((flake) => ({ repository, ...flake })));
    }
    return found;
  });
  screen.document({ flakes: rows });
  if (screen.json) return;
  if (rows.length === 0) return screen.print("No failure of a gate is known to come and go.");
  const { colors } = screen;
  const columns: Array<Column<Row>> = [
    { title: "REPOSITORY", text: (row) => row.repository },
    { title: "GATE", text: (row) => row.gate },
    { title: "FAILURE", text: (row) => row.failureDigest.slice(0, SHOWN_DIGITS) },
    { title: "JOBS", text: (row) => String(row.jobs), align: "right" },
    { title: "STATE", text: (row) => (row.quarantined ? "quarantined" : "seen"), paint: (text, row) => (row.quarantined ? colors.yellow(text) : text) },
    { title: "LAST", text: (row) => `job ${row.lastJob}, ${ago(row.lastAt)}` },
    { title: "SAID", text: (row) => lastLine(row.excerpt), grows: true },
  ];
  for (const line of tableLines(screen, columns, rows)) screen.print(line);
  const [first] = rows.filter(({ quarantined }) => quarantined);
  if (first) screen.print(colors.dim(`When it is mended: slipway gates clear ${shellWord(first.repository)} ${shellWord(first.gate)}`));
}

function lastLine(text: string): string {
  return cut(printable(text.trim().split("\n").at(-1) ?? ""), 200);
}

async function clearCommand(repository: string, gate: string, options: ClearOptions): Promise<void> {
  const screen = screenOf(options);
  const body = { gate, ...(options.failure === undefined ? {} : { failureDigest: options.failure }) };
  const { cleared } = await withReader(options, ({ client }) => client.call("clearFlakes", { params: { repo: repository }, body }));
  screen.document({ repository, gate, cleared });
  screen.print(cleared === 0 ? `no flaky failure of ${gate} was known in ${repository}` : `${plural(cleared, "flaky failure")} of ${gate} forgotten`);
}
