import type { JobDetail } from "@slipway/protocol/job";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Badge, StateBadge } from "../../../parts/badge.tsx";
import { PageHead } from "../../../parts/card.tsx";
import { Ago, Took } from "../../../parts/time.tsx";
import css from "../job.module.css";
import { useEvents } from "../stream/use-stream.tsx";
import { Explained } from "./explained.tsx";
import { JobActions } from "./job-actions.tsx";
import { nowOf } from "./now.ts";
import { PullRequest } from "./pull-request.tsx";

/** How a job stands, at a glance: what it is, what it does now, who has to act, and what can be done. */
export function JobHead({ detail }: { detail: JobDetail }) {
  const { job } = detail;
  return (
    <>
      <PageHead
        title={
          <>
            <span className={css["number"]}>#{job.number}</span> {job.title}
          </>
        }
      >
        <JobActions detail={detail} />
      </PageHead>
      <p className={css["line"]}>
        <StateBadge state={job.state} />
        <Now detail={detail} />
        {items(detail).map(([key, item]) => (
          <span key={key}>{item}</span>
        ))}
      </p>
      <Explained detail={detail} />
      <PullRequest job={job} />
    </>
  );
}

/** What it does right now, and since when. */
function Now({ detail: { job } }: { detail: JobDetail }) {
  const now = nowOf(job, useEvents());
  if (!now) return null;
  return (
    <span data-now="">
      {now.what} · <Took from={now.since} to={null} />
    </span>
  );
}

function items({ job, attempts, acts, acceptance, acceptedAs }: JobDetail): Array<[string, ReactNode]> {
  const by = acts.find(({ action, madeJob }) => madeJob === job.number || action === "submitJob")?.by.name;
  const made = acts.filter(({ madeJob, job: of }) => madeJob !== null && madeJob !== job.number && of === job.number);
  const from = acts.find(({ madeJob }) => madeJob === job.number);
  const isUnsandboxed = attempts.at(-1)?.sandbox === "none";
  return [
    ...(job.kind === "verify"
      ? [
          [
            "verify",
            <Badge key="verify" tone="idle">
              verifies a merged tree
            </Badge>,
          ] as [string, ReactNode],
        ]
      : []),
    [
      "repo",
      <Link key="repo" to="/repositories/$repo" params={{ repo: job.repo.name }}>
        {job.repo.name}
      </Link>,
    ],
    ["backend", `${job.backend}${job.readOnly ? ", read-only" : ""}`],
    ...(job.readOnly || job.kind === "verify" ? [] : ([["target", targetText(job)]] as Array<[string, ReactNode]>)),
    [
      "age",
      <>
        {by === undefined ? "submitted" : `by ${by}`} <Ago at={job.createdAt} />
      </>,
    ],
    [
      "took",
      job.endedAt === null ? (
        job.dueAt !== null && (
          <>
            due <Ago at={job.dueAt} />
          </>
        )
      ) : (
        <>
          took <Took from={job.createdAt} to={job.endedAt} />
        </>
      ),
    ],
    ...(isUnsandboxed
      ? ([
          [
            "sandbox",
            <Badge key="sandbox" tone="warn">
              no sandbox
            </Badge>,
          ],
        ] as Array<[string, ReactNode]>)
      : []),
    ...(from
      ? ([["from", <JobLink key="from" number={from.job} text={`${FROM[from.action] ?? "made from"} #${from.job}`} />]] as Array<[string, ReactNode]>)
      : []),
    ...(job.revises === null
      ? []
      : ([
          [
            "revises",
            <Link key="revises" to="/jobs/$job" params={{ job: job.revises }}>
              revises the branch of another job
            </Link>,
          ],
        ] as Array<[string, ReactNode]>)),
    ...(acceptance && !from
      ? ([["accepts", <JobLink key="accepts" number={acceptance.number} text={`lands the work of #${acceptance.number}`} />]] as Array<[string, ReactNode]>)
      : []),
    ...made.map(({ action, madeJob }): [string, ReactNode] => [
      `made-${madeJob}`,
      <JobLink key={madeJob} number={madeJob ?? 0} text={`${INTO[action] ?? "went on"} as #${madeJob}`} />,
    ]),
    ...acceptedAs
      .filter(({ number }) => made.every(({ madeJob }) => madeJob !== number))
      .map(({ number, state }): [string, ReactNode] => [
        `accepted-${number}`,
        <JobLink key={number} number={number} text={`accepted as #${number} (${state})`} />,
      ]),
  ];
}

const FROM: Readonly<Record<string, string>> = { retryJob: "a new try of", replayJob: "a replay of", acceptJob: "lands the work of" };
const INTO: Readonly<Record<string, string>> = { retryJob: "tried again", replayJob: "replayed", acceptJob: "accepted" };

function JobLink({ number, text }: { number: number; text: string }) {
  return (
    <Link to="/jobs/$job" params={{ job: String(number) }}>
      {text}
    </Link>
  );
}

function targetText({ landing, target }: JobDetail["job"]): string {
  if (landing === "none") return "lands nowhere";
  return landing === "train" ? `→ ${target}` : `→ ${landing === "pr" ? "pull request" : "branch"} for ${target}`;
}
