/** The parts of a job's page, by the last part of their addresses; the figures 1, 2 … go there. */
export const TABS = [
  { id: "overview", name: "Overview" },
  { id: "transcript", name: "Transcript" },
  { id: "log", name: "Log" },
  { id: "diff", name: "Diff" },
  { id: "gates", name: "Gates" },
  { id: "findings", name: "Findings" },
  { id: "artifacts", name: "Artifacts" },
  { id: "details", name: "Details" },
] as const;

/** One of them. */
export type TabId = (typeof TABS)[number]["id"];

/** The part that an address names: the overview where it names none, undefined where it names one that there is not. */
export function tabOf(text: string | undefined): TabId | undefined {
  return text === undefined ? "overview" : TABS.find(({ id }) => id === text)?.id;
}
