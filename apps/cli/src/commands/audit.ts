import { AUDITED_ENDPOINTS, type AuditEntry, type AuditedEndpoint } from "@slipway/protocol/audit";
import type { Command } from "commander";
import { Option } from "commander";
import { parseJob, parsePast, wholeNumber } from "../terminal/parse.ts";
import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { ago, printable } from "../terminal/text.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";
import { withReader } from "./reading.ts";

interface AuditOptions extends CommonOptions {
  readonly since?: number;
  readonly job?: string;
  readonly who?: string;
  readonly action?: AuditedEndpoint[];
  readonly limit: number;
  readonly cursor?: string;
}

/** Who did what on the server. */
export function addAudit(program: Command): void {
  withCommon(program.command("audit"))
    .summary("who did what, newest first (role admin)")
    .description(
      "Lists what people changed: what they did, with what, from where, and how it ended. Calls without a good token or role are counted by the hour. Rows are kept as long as the events of jobs.",
    )
    .option("--since <time>", "nothing older: a time such as 2d, or a date", parsePast)
    .option("--job <job>", "only what was done with this job, by number or id", parseJob)
    .option("--who <token>", "only by this token, by its whole name or id")
    .addOption(new Option("--action <action...>", "only these").choices([...AUDITED_ENDPOINTS]))
    .option("--limit <n>", "rows on a page", wholeNumber(1, 200), 50)
    .option("--cursor <cursor>", "the next page, as the last one printed it")
    .action(auditCommand);
}

async function auditCommand({ since, job, who, action, limit, cursor, ...options }: AuditOptions): Promise<void> {
  const screen = screenOf(options);
  const query = { since, job, who, action, limit, cursor };
  const page = await withReader(options, ({ client }) => client.call("listAudit", { query }));
  screen.document(page);
  if (page.entries.length === 0) {
    const isFiltered = [since, job, who, action].some((filter) => filter !== undefined);
    return screen.print(screen.colors.dim(isFiltered ? "Nothing of that kind is kept: leave a filter out." : "Nobody has changed anything yet."));
  }
  for (const line of tableLines(screen, columnsOf(screen), page.entries)) screen.print(line);
  if (page.nextCursor) screen.print(screen.colors.dim(`More: slipway audit --limit ${limit} --cursor ${page.nextCursor}`));
}

function columnsOf(screen: Screen): Array<Column<AuditEntry>> {
  const { colors } = screen;
  return [
    { title: "when", text: ({ lastAt }) => ago(lastAt), paint: (text) => colors.dim(text) },
    { title: "who", text: ({ token }) => (token ? printable(token.name) : "(nobody known)") },
    { title: "action", text: ({ action, count }) => (count === 1 ? action : `${action} × ${count}`) },
    { title: "what", text: objectText, grows: true },
    { title: "outcome", text: ({ outcome }) => outcome, paint: (text, { outcome }) => paintOutcome(screen, outcome, text) },
    { title: "from", text: ({ address }) => address ?? "" },
  ];
}

function objectText({ object, madeJob }: AuditEntry): string {
  if (object === null) return "";
  return `${object.kind} ${printable(object.name)}${madeJob === null ? "" : ` → ${madeJob}`}`;
}

function paintOutcome(screen: Screen, outcome: string, text: string): string {
  if (outcome === "ok") return screen.colors.green(text);
  return outcome === "unchanged" ? screen.colors.dim(text) : screen.colors.red(text);
}
