import type { Screen } from "../terminal/screen.ts";
import { type Column, tableLines } from "../terminal/table.ts";
import { printable } from "../terminal/text.ts";
import type { BackendRow } from "./backend-rows.ts";
import { installCommand } from "./install-agent.ts";

/** Columns of a terminal with room for what is good to know. */
const WIDE = 110;

/** The table of `slipway backends`; columns that have nothing to say are left out. */
export function backendTable(screen: Screen, rows: readonly BackendRow[], isConnected: boolean): string[] {
  const { colors } = screen;
  const columns: Array<Column<BackendRow> & { readonly isShown?: boolean }> = [
    { title: "backend", text: ({ name }) => name, paint: (text) => colors.bold(text) },
    { title: "agent here", text: agentText, grows: true, paint: (text, { installed }) => (installed?.ok ? colors.green(text) : colors.yellow(text)) },
    { title: "tested", text: ({ release }) => release?.tested ?? release?.version ?? "-" },
    { title: "models of", text: providerText, paint: (text, { provider }) => (provider?.usable === false ? colors.yellow(text) : text) },
    { title: "can", text: ({ capabilities }) => (capabilities ? capabilityWords(capabilities) : "?"), isShown: screen.width >= WIDE },
    { title: "secrets", text: secretsText, isShown: rows.some((row) => secretsText(row) !== "") },
    {
      title: "last job",
      text: lastJobText,
      paint: (text, { lastJob }) => (lastJob?.state === "failed" ? colors.red(text) : text),
      isShown: rows.some(({ lastJob }) => lastJob),
    },
    { title: "workers", text: workersText, isShown: isConnected },
  ];
  return tableLines(
    screen,
    columns.filter(({ isShown }) => isShown !== false),
    rows,
  );
}

/** Those on which the agent is not there say so. */
function workersText({ workers, agents }: BackendRow): string {
  const lacks = (name: string): boolean => agents.some(({ worker, ok }) => worker === name && !ok);
  return workers.map((name) => (lacks(name) ? `${name} (no agent)` : name)).join(", ") || "none";
}

function agentText({ name, installed }: BackendRow): string {
  if (installed === null) return "not here";
  // What to do about it stands below the table.
  return installed.ok ? printable(installed.found) : installed.remedy === installCommand(name) ? "no" : printable(installed.found);
}

/** Such as `openai`, `no key: openai`. */
function providerText({ needsModel, provider }: BackendRow): string {
  if (needsModel === null) return "?";
  if (!needsModel) return "not needed";
  if (provider === null) return "as configured";
  return provider.usable === false ? `not ready: ${provider.name}` : provider.name;
}

/** What a job can ask of it, in the manifest's own words. */
function capabilityWords(capabilities: NonNullable<BackendRow["capabilities"]>): string {
  const names = ["resume", "steer", "readOnly", "images", "mcp", "permissions"] as const;
  return names.filter((name) => capabilities[name]).join(" ") || "-";
}

/** Those that are there, and those that must be; what a backend can do without, and does, is nothing to see here. */
function secretsText({ secrets }: BackendRow): string {
  return secrets.flatMap(({ name, required, there }) => (there ? [name] : required ? [`no ${name}`] : [])).join(", ");
}

function lastJobText({ lastJob }: BackendRow): string {
  return lastJob ? `${lastJob.number} ${lastJob.state}${lastJob.code ? ` ${lastJob.code}` : ""}` : "none";
}
