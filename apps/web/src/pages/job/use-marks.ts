import type { JobDetail } from "@slipway/protocol/job";
import { findingsOf } from "./findings/findings.ts";
import { gateRounds, newestRuns } from "./gates/gate-runs.ts";
import { useEvents } from "./stream/use-stream.tsx";
import type { TabId } from "./tabs.ts";

/** What stands beside a part's name: how much is in it, or what is wrong there. */
export interface Mark {
  readonly text: string;
  readonly isBad: boolean;
}

export function useMarks({ artifacts }: JobDetail): Partial<Record<TabId, Mark>> {
  const events = useEvents();
  const gates = newestRuns(gateRounds(events));
  const red = gates.filter(({ status }) => status === "failed" || status === "timed-out").length;
  const findings = findingsOf(events);
  const refusals = findings.filter(({ refuses }) => refuses).length;
  const stored = new Set(artifacts.map(({ name }) => name)).size;
  return {
    ...(gates.length > 0 ? { gates: red > 0 ? { text: `${red} red`, isBad: true } : { text: String(gates.length), isBad: false } } : {}),
    ...(findings.length > 0 ? { findings: { text: String(findings.length), isBad: refusals > 0 } } : {}),
    ...(stored > 0 ? { artifacts: { text: String(stored), isBad: false } } : {}),
  };
}
