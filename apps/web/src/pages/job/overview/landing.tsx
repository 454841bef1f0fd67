import type { JobDetail } from "@slipway/protocol/job";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Card, Facts } from "../../../parts/card.tsx";
import { Copy } from "../../../parts/copy.tsx";
import { plural } from "../../../parts/format.ts";
import css from "../job.module.css";

/** What became of the change: its size, the commit, its way onto the target, and what it may still meet there. */
export function Landing({ detail: { job, completion } }: { detail: JobDetail }) {
  const facts: Array<readonly [string, ReactNode]> = [
    ...(job.diffStat ? [["Change", `${plural(job.diffStat.files, "file")}, +${job.diffStat.insertions} −${job.diffStat.deletions}`] as const] : []),
    ...(job.resultOid === null ? [] : [["Commit", <Copy key="result" text={job.resultOid.slice(0, 12)} label="Copy the commit" />] as const]),
    ...(job.landedOid === null ? [] : [["Landed", <Copy key="landed" text={job.landedOid.slice(0, 12)} label="Copy the landed commit" />] as const]),
    ...(completion ? [["Completion", completion.state] as const] : []),
    ...(completion?.verifyJobId
      ? [
          [
            "Verified by",
            <Link key="verify" to="/jobs/$job" params={{ job: completion.verifyJobId }}>
              the verify job
            </Link>,
          ] as const,
        ]
      : []),
    ...(completion && completion.flakyGates.length > 0 ? [["Flaky gates", completion.flakyGates.join(", ")] as const] : []),
  ];
  const { revision, predicted } = job;
  if (facts.length === 0 && !revision && predicted.length === 0) return null;
  return (
    <Card title="Change and landing">
      <div className={css["stack"]}>
        {facts.length > 0 && <Facts of={facts} />}
        {revision && (
          <p>
            Revision {revision.number} of {revision.of}: {revision.message}
          </p>
        )}
        {predicted.map(({ job: other, target, paths }) => (
          <p key={`${other} ${target}`}>
            Foreseen: conflicts with{" "}
            {other === null ? (
              `what ${target} has now`
            ) : (
              <Link to="/jobs/$job" params={{ job: String(other) }}>
                job {other}
              </Link>
            )}{" "}
            in {paths.slice(0, 3).join(", ")}
            {paths.length > 3 && ` and ${paths.length - 3} more`}
          </p>
        ))}
      </div>
    </Card>
  );
}
