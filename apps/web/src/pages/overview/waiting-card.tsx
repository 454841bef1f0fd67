import type { Overview, WaitingGroup } from "@slipway/protocol/overview";
import { Link } from "@tanstack/react-router";
import { Badge } from "../../parts/badge.tsx";
import { Card } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { Empty } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import { Words } from "../../parts/words.tsx";
import css from "./overview.module.css";

/** What waits, by what holds it up; in the words of `slipway explain` of the job whose turn comes first. */
export function WaitingCard({ overview }: { overview: Overview }) {
  const { jobs, lanes, groups, others } = overview.waiting;
  return (
    <Card
      title="Waiting"
      flush
      side={
        jobs > 0 && (
          <span className={css["lanes"]}>
            {(["interactive", "normal", "background"] as const).map((lane) => (
              <Link key={lane} to="/jobs" search={{ state: "queued", lane }}>
                {lanes[lane]} {lane}
              </Link>
            ))}
          </span>
        )
      }
    >
      {jobs === 0 && (
        <Empty title="Nothing waits.">
          <p>A job that is submitted while all slots are taken waits here, with the reason.</p>
          <Copy text='slipway run "What to do"' />
        </Empty>
      )}
      <ul className={css["rows"]}>
        {groups.map((group) => (
          <li key={`${group.cause} ${group.first.id}`} className={css["need"]}>
            <div className={css["needHead"]}>
              <Badge tone={group.owner === "you" ? "warn" : "idle"}>{group.owner === "you" ? "needs you" : (OWNERS[group.owner] ?? group.owner)}</Badge>
              <Link to="/jobs" search={filterOf(group)} data-row>
                {causeText(group)}
              </Link>
              {group.deadline !== null && (
                <span className={css["side"]}>
                  <span className={css["muted"]}>
                    {group.owner === "clock" ? "goes on" : "fails"} <Ago at={group.deadline} />
                  </span>
                </span>
              )}
            </div>
            <p>
              <Words text={group.reason} />
            </p>
            <p className={css["muted"]}>
              first <JobLink number={group.first.number} title={group.first.title} />, waiting since <Ago at={group.since} />
            </p>
          </li>
        ))}
      </ul>
      {others > 0 && (
        <p className={css["more"]}>
          <Link to="/jobs" search={{ state: "queued" }}>
            {plural(others, "more job")} for further reasons
          </Link>
        </p>
      )}
    </Card>
  );
}

/** Who has to act, as `slipway explain` calls them. */
const OWNERS: Readonly<Record<string, string>> = { worker: "next free slot", clock: "the clock", job: "other jobs", repository: "repository" };

/** What they wait for, in a line. */
export function causeText({ cause, jobs, kind, repo, backend }: WaitingGroup): string {
  const many = kind === "verify" ? plural(jobs, "verification") : plural(jobs, "job");
  const wait = jobs === 1 ? "waits" : "wait";
  if (cause === "jobs") return `${many} ${wait} for other jobs`;
  if (cause === "time") return `${many} ${wait} for a time`;
  const of = repo === null ? "" : ` of ${repo.name}`;
  if (cause === "repository") return `${many}${of} ${wait} for room in the repository`;
  return `${many}${of}${backend === null || kind === "verify" ? "" : ` for ${backend}`} ${wait} for a worker`;
}

/** The list of these jobs, as far as its filters tell them apart. */
export function filterOf({ kind, repo, backend }: WaitingGroup): Record<string, string> {
  return {
    state: "queued",
    ...(kind === "verify" ? { kind } : {}),
    ...(repo === null ? {} : { repo: repo.name }),
    ...(backend === null ? {} : { backend }),
  };
}
