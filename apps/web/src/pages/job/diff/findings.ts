import type { CriticEvent } from "@slipway/protocol/critic";
import type { JobDetail } from "@slipway/protocol/job";
import type { JobChange } from "@slipway/protocol/job-changes";
import { isFinal } from "@slipway/protocol/states";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { callText } from "../../../api/call.ts";
import { ApiFailure } from "../../../api/failure.ts";

/** Something that a critic, a check or a gate said of a change, with its place where it has one. */
export interface Finding {
  readonly id: string;
  readonly by: string;
  readonly kind: "critic" | "check" | "gate";
  readonly severity: string;
  /** It sent the change back, or would have. */
  readonly isBad: boolean;
  readonly path: string | null;
  readonly line: number | null;
  readonly text: string;
  /** The attempt, and the place of the change among those of the attempt. */
  readonly fence: number | null;
  readonly change: number | null;
}

interface Said {
  readonly attempt: number | null;
  readonly change: number | null;
}

interface SaidCheck extends Said {
  readonly name: string;
  readonly passed: boolean;
  readonly findings: readonly string[];
}

/** What was said of a change of the job; nothing where its events are no longer kept. */
export function useFindings(detail: JobDetail, shown: JobChange): { findings: readonly Finding[]; failure: ApiFailure | null } {
  const { job, attempts } = detail;
  const read = <T>(name: "checks.json" | "critics.json") => ({
    // Not by the job's name: of one at work each event would have all of them read again.
    queryKey: ["getArtifact", { of: job.id, name }, attempts.length, isFinal(job.state)],
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<readonly T[]> => {
      try {
        return JSON.parse(await callText("getArtifact", { params: { job: job.id, name } }, signal)) as T[];
      } catch (error) {
        if (error instanceof ApiFailure && error.code === "NOT_FOUND") return [];
        throw error;
      }
    },
  });
  const checks = useQuery<readonly SaidCheck[], ApiFailure>(read<SaidCheck>("checks.json"));
  const critics = useQuery<readonly (Said & CriticEvent)[], ApiFailure>(read<Said & CriticEvent>("critics.json"));
  const findings = useMemo(() => {
    const said = [...(critics.data ?? []).flatMap(ofCritic), ...(checks.data ?? []).flatMap(ofCheck)];
    const rounds = [...(checks.data ?? []), ...(critics.data ?? [])];
    return [...redGates(attempts, shown), ...said.filter(ofChange(shown, rounds, attempts))];
  }, [checks.data, critics.data, attempts, shown]);
  return { findings, failure: checks.error ?? critics.error };
}

/** By the place of the change among those of its attempt; of the last one that is not told, and is behind all that were sent back. */
function ofChange({ fence, number }: JobChange, said: readonly Said[], attempts: JobDetail["attempts"]): (finding: Finding) => boolean {
  // Work that was accepted was that of another job's newest attempt.
  const ofFence = fence ?? Math.max(0, ...said.map(({ attempt }) => attempt ?? 0));
  if (number !== null) return (finding) => finding.fence === ofFence && finding.change === number;
  const last = Math.max(0, ...said.filter(({ attempt }) => attempt === ofFence).map(({ change }) => change ?? 0));
  const sentBack = (attempts.find((attempt) => attempt.fence === fence)?.earlier ?? []).map((one) => one.number);
  return (finding) => finding.fence === ofFence && (finding.change === null || (finding.change === last && !sentBack.includes(last)));
}

/** Gates say nothing of lines, and of kept work they are told with it. */
function redGates(attempts: JobDetail["attempts"], { fence, kind }: JobChange): Finding[] {
  if (kind !== "kept") return [];
  const red = attempts.find((attempt) => attempt.fence === fence)?.keptRed ?? [];
  return red
    .filter(({ by }) => by === "gate")
    .map(({ name, findings }) => ({
      id: `gate-${name}`,
      by: name,
      kind: "gate",
      severity: "red",
      isBad: true,
      path: null,
      line: null,
      text: findings.join("\n"),
      fence,
      change: null,
    }));
}

function ofCritic({ attempt, change, name, level, verdict, findings, criteria }: Said & CriticEvent, at: number): Finding[] {
  const common = { by: name, kind: "critic" as const, fence: attempt, change };
  const found = findings.map(({ severity, text, file, line }, index) => ({
    ...common,
    id: `critic-${at}-${index}`,
    severity,
    isBad: level === "required" && verdict === "reject" && (severity === "blocker" || severity === "major"),
    path: file ?? null,
    line: line ?? null,
    text,
  }));
  const unmet = criteria
    .filter((criterion) => criterion.verdict !== "met")
    .map(({ text, verdict: judged, reason, evidence }, index) => ({
      ...common,
      id: `criterion-${at}-${index}`,
      severity: judged,
      isBad: level === "required",
      path: evidence[0]?.file ?? null,
      line: evidence[0]?.line ?? null,
      text: `${text}: ${reason}`,
    }));
  return [...found, ...unmet];
}

/** Checks name a place before their words, where they have one: `src/a.ts:12: …`, `src/a.ts: …`. */
function ofCheck({ attempt, change, name, passed, findings }: SaidCheck, at: number): Finding[] {
  return findings.map((finding, index) => {
    const placed = /^(\S[^:]*?)(?::(\d+))?: (.+)$/s.exec(finding);
    return {
      id: `check-${at}-${index}`,
      by: name,
      kind: "check",
      severity: passed ? "warning" : "error",
      isBad: !passed,
      path: placed?.[1] ?? null,
      line: placed?.[2] === undefined ? null : Number(placed[2]),
      text: placed?.[3] ?? finding,
      fence: attempt,
      change,
    };
  });
}
