import type { JobDetail } from "@slipway/protocol/job";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Badge } from "../../../parts/badge.tsx";
import { Card, Facts } from "../../../parts/card.tsx";
import { Copy } from "../../../parts/copy.tsx";
import { duration, moment } from "../../../parts/format.ts";
import { Ago, Took } from "../../../parts/time.tsx";
import css from "../job.module.css";
import { LongText } from "../long-text.tsx";

/** All that the job was made with, its attempts, and who did what with it. */
export function DetailsTab({ detail }: { detail: JobDetail }) {
  return (
    <div className={css["stack"]}>
      <Attempts detail={detail} />
      <Acts detail={detail} />
      <div className={css["columns"]}>
        <Card title="Identity">
          <Facts of={identity(detail)} />
        </Card>
        <Card title="Settings">
          <Facts of={settings(detail)} />
        </Card>
      </div>
      <Card title="Settings of its backend">
        <LongText isCode text={JSON.stringify(detail.job.backendConfig, null, 2)} />
      </Card>
      <Card title="As JSON">
        <LongText isCode text={JSON.stringify(detail.job, null, 2)} />
      </Card>
    </div>
  );
}

function Attempts({ detail: { attempts } }: { detail: JobDetail }) {
  if (attempts.length === 0) return null;
  return (
    <Card title="Attempts" flush>
      <table className={css["table"]}>
        <thead>
          <tr>
            <th>Attempt</th>
            <th>Worker</th>
            <th>Backend</th>
            <th>Sandbox</th>
            <th>Began</th>
            <th>Took</th>
            <th>Outcome</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map(({ fence, workerName, backend, sandbox, startedAt, endedAt, outcome, failure, keptOid, keptWhy }) => (
            <tr key={fence}>
              <td>{fence}</td>
              <td>{workerName}</td>
              <td>{backend}</td>
              <td>{sandbox === "none" ? <Badge tone="warn">none</Badge> : sandbox}</td>
              <td>
                <Ago at={startedAt} />
              </td>
              <td>
                <Took from={startedAt} to={endedAt} />
              </td>
              <td>
                {outcome} {failure && <code>{failure.code}</code>}
                {failure && <p className={css["said"]}>{failure.message}</p>}
                {keptOid !== null && (
                  <p className={css["muted"]}>
                    kept <code>{keptOid.slice(0, 12)}</code>
                    {keptWhy !== null && `: ${keptWhy}`}
                  </p>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

const ACTS = {
  submitJob: "submitted",
  cancelJob: "cancelled",
  retryJob: "retried",
  replayJob: "replayed",
  steerJob: "steered",
  reviseJob: "asked for a revision",
  acceptJob: "accepted",
  syncPullRequest: "looked at its pull request",
  closePullRequest: "closed its pull request",
} as const;

function Acts({ detail: { acts, job } }: { detail: JobDetail }) {
  if (acts.length === 0) return null;
  return (
    <Card title="Who did what">
      <ul className={css["bullets"]}>
        {acts.map(({ at, action, by, job: of, madeJob }) => (
          <li key={`${at} ${action} ${madeJob}`}>
            {by.name} ({by.role}) {ACTS[action]} {of === job.number ? "it" : `job ${of}`}
            {madeJob !== null && madeJob !== job.number && ` as job ${madeJob}`} <Ago at={at} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

type Pairs = Array<readonly [name: string, value: ReactNode]>;

function identity({ job, completion }: JobDetail): Pairs {
  const oid = (name: string, value: string | null): Pairs =>
    value === null ? [] : [[name, <Copy key={name} text={value} label={`Copy ${name.toLowerCase()}`} />]];
  return [
    ...oid("Id", job.id),
    ...oid("Base", job.baseOid),
    ...oid("Commit", job.resultOid),
    ...oid("Merged", completion?.mergedOid ?? null),
    ...oid("Landed", job.landedOid),
    ["Created", moment(job.createdAt)],
    ["Changed", moment(job.updatedAt)],
    ...(job.endedAt === null ? [] : ([["Ended", moment(job.endedAt)]] as Pairs)),
    ["Events", job.lastSeq.toLocaleString("en")],
    ...(job.dependsOn.length === 0
      ? []
      : ([
          [
            "Waits for",
            job.dependsOn.map((id) => (
              <span key={id}>
                <Link to="/jobs/$job" params={{ job: id }}>
                  {id}
                </Link>{" "}
              </span>
            )),
          ],
        ] as Pairs)),
    ...(job.dedupeKey === null ? [] : ([["Dedupe key", job.dedupeKey]] as Pairs)),
    ...(job.ticket === null ? [] : ([["Ticket", job.ticket]] as Pairs)),
  ];
}

function settings({ job }: JobDetail): Pairs {
  return [
    ["Kind", job.kind === "verify" ? "verify" : job.taskKind],
    ["Backend", job.backend],
    ["Landing", `${job.landing}, target ${job.target}`],
    ["Lane", `${job.lane}${job.priority === 0 ? "" : `, priority ${job.priority}`}`],
    ["Attempts", `${job.attempts} of ${job.maxAttempts}`],
    ["Time of an attempt", duration(job.timeoutMs)],
    ["Stalled after", duration(job.stallMs)],
    ["Time in the queue", duration(job.queueTimeoutMs)],
    ["Permissions", job.permissions],
    ["Requires", job.requires.join(", ") || "nothing more"],
    ["Recorded", job.record ? "yes" : "no"],
    ...(job.replay === null ? [] : ([["Replays", `the cassette of job ${job.replay.number}, attempt ${job.replay.fence}`]] as Pairs)),
    ...(job.allowChecks.length === 0 ? [] : ([["Checks that only tell", job.allowChecks.join(", ")]] as Pairs)),
    ...(Object.keys(job.mcpServers).length === 0 ? [] : ([["MCP servers", Object.keys(job.mcpServers).join(", ")]] as Pairs)),
  ];
}
