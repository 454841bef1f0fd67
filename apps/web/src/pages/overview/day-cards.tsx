import type { Overview } from "@slipway/protocol/overview";
import { Link } from "@tanstack/react-router";
import { Card, Facts } from "../../parts/card.tsx";
import { count, money, plural } from "../../parts/format.ts";
import { JobLink } from "../../parts/job-link.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Empty } from "../../parts/states.tsx";
import { Ago } from "../../parts/time.tsx";
import css from "./overview.module.css";

/** What reached its branch today. */
export function LandedCard({ overview }: { overview: Overview }) {
  const { jobs, newest } = overview.landed;
  return (
    <Card title="Landed today" flush side={<span className={css["muted"]}>{jobs}</span>}>
      {jobs === 0 && <Empty title="Nothing has landed yet today.">What reaches its branch is listed here, newest first.</Empty>}
      <ul className={css["rows"]}>
        {newest.map((job) => (
          <li key={job.id} className={css["landed"]}>
            <JobLink number={job.number} title={job.title} />
            <span className={css["muted"]}>
              {job.repo.name} → {job.target}
              {job.landedOid !== null && (
                <>
                  {" "}
                  <code>{job.landedOid.slice(0, 8)}</code>
                </>
              )}
              {job.pullRequest && (
                <>
                  {" "}
                  <a href={job.pullRequest.url} rel="noreferrer">
                    pull request {job.pullRequest.number}
                  </a>
                </>
              )}
              {job.diffStat && ` · +${job.diffStat.insertions} −${job.diffStat.deletions}`} · <Ago at={job.at} />
            </span>
          </li>
        ))}
      </ul>
      {jobs > newest.length && (
        <p className={css["more"]}>
          <Link to="/jobs" search={{ state: "done", since: "today" }}>
            {jobs - newest.length} more
          </Link>
        </p>
      )}
    </Card>
  );
}

/** Why jobs failed today, the most frequent code first. */
export function FailuresCard({ overview: { failures, counts } }: { overview: Overview }) {
  if (failures.length === 0) return null;
  return (
    <Card title="Failed today" flush side={<span className={css["muted"]}>{counts.failed}</span>}>
      <ul className={css["rows"]}>
        {failures.map(({ code, jobs, newest }) => (
          <li key={code} className={css["failure"]}>
            <Link to="/jobs" search={{ state: "failed", code, since: "today" }} data-row>
              <code>{code}</code>
            </Link>
            <span className={css["muted"]}>
              {plural(jobs, "job")}, newest <JobLink number={newest} />
            </span>
            <Meter used={jobs} of={counts.failed} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What models took today, against what they may. */
export function SpendingCard({ overview: { spending, circuits } }: { overview: Overview }) {
  const { budget, usd, tokens, calls, reservedUsd, resetsAt } = spending;
  return (
    <section id="spending" className={css["stack"]}>
      <Card title="Spent today">
        <Facts
          of={[
            ["Dollars", <Spent key="usd" text={budget.usd === undefined ? money(usd) : `${money(usd)} of ${money(budget.usd)}`} used={usd} of={budget.usd} />],
            [
              "Tokens",
              <Spent
                key="tokens"
                text={budget.tokens === undefined ? count(tokens) : `${count(tokens)} of ${count(budget.tokens)}`}
                used={tokens}
                of={budget.tokens}
              />,
            ],
            ["Model calls", count(calls)],
            ...(reservedUsd > 0 ? [["Under way", `up to ${money(reservedUsd)} more`] as const] : []),
            ["Next day", <Ago key="next" at={resetsAt} />],
          ]}
        />
      </Card>
      {circuits.length > 0 && (
        <Card title="Open circuits" flush side={<Link to="/backends">Backends</Link>}>
          <ul className={css["rows"]}>
            {circuits.map((circuit) => (
              <li key={`${circuit.backend} ${circuit.image}`} className={css["landed"]}>
                <Link to="/backends" hash={circuit.backend} data-row>
                  {circuit.backend} in {circuit.place}
                </Link>
                <span className={css["muted"]}>
                  {plural(circuit.faults, "failure")} in a row, last <code>{circuit.code}</code>;{" "}
                  {circuit.state === "trying" && circuit.canary ? (
                    <>
                      <JobLink number={circuit.canary.number} /> tries it now
                    </>
                  ) : (
                    <>
                      tried again <Ago at={circuit.openUntil} />
                    </>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </section>
  );
}

function Spent({ text, used, of }: { text: string; used: number; of: number | undefined }) {
  return (
    <span className={css["spent"]}>
      {text}
      {of !== undefined && <Meter used={used} of={of} />}
    </span>
  );
}
