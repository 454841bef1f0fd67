import { readFileSync } from "node:fs";
import { join } from "node:path";
import { resultsSchema } from "../../tests/agents/matrix/results.ts";

const FILE = join(import.meta.dirname, "../../tests/agents/matrix/results.json");

/** What every backend keeps with its real CLI: the results of `scripts/conformance`, a column for each agent and place. */
export function conformancePage(note: string): string {
  const results = resultsSchema.parse(JSON.parse(readFileSync(FILE, "utf8")));
  const columns = Object.entries(results).flatMap(([agent, places]) => Object.entries(places).map(([place, result]) => ({ agent, place, ...result })));
  const names = [...new Set(columns.flatMap(({ cases }) => Object.keys(cases)))];
  const reasons: string[] = [];
  const cell = (outcome: string | undefined): string => {
    if (outcome === undefined) return "";
    if (outcome === "passed") return "yes";
    if (outcome === "failed") return "**no**";
    if (!reasons.includes(outcome)) reasons.push(outcome);
    return `(${reasons.indexOf(outcome) + 1})`;
  };
  const rows = names.map((name) => `| ${name} | ${columns.map(({ cases }) => cell(cases[name])).join(" | ")} |`);
  return [
    note,
    "# What each agent keeps",
    "",
    "Every backend is tried with the real CLI of its agent against a scripted model, called by the runner in a sandbox as jobs have it: `bwrap` is host mode,",
    "`docker` the backend's own image. `scripts/conformance` plays it all and keeps the results; CI plays the first of each with every change.",
    "",
    `| | ${columns.map(({ agent, place }) => `${agent}, ${place}`).join(" | ")} |`,
    `|---|${columns.map(() => "---").join("|")}|`,
    `| release | ${columns.map(({ release }) => release).join(" | ")} |`,
    `| played on | ${columns.map(({ date }) => date).join(" | ")} |`,
    ...rows,
    ...(reasons.length > 0 ? ["", ...reasons.map((reason, index) => `(${index + 1}) ${reason}`)] : []),
    "",
  ].join("\n");
}
