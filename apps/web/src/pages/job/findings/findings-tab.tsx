import type { CriticEvent } from "@slipway/protocol/critic";
import type { JobDetail } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { Link } from "@tanstack/react-router";
import { Badge } from "../../../parts/badge.tsx";
import { Card } from "../../../parts/card.tsx";
import { duration } from "../../../parts/format.ts";
import parts from "../../../parts/parts.module.css";
import { Empty } from "../../../parts/states.tsx";
import css from "../job.module.css";
import { useEvents } from "../stream/use-stream.tsx";
import { type Finding, findingsOf, newestChecks, newestCritics } from "./findings.ts";

/** What checks and critics found in the newest change that they judged. */
export function FindingsTab({ detail: { job } }: { detail: JobDetail }) {
  const events = useEvents();
  const findings = findingsOf(events);
  const checks = newestChecks(events);
  const critics = newestCritics(events);
  if (checks.length === 0 && critics.length === 0) {
    return (
      <Empty title={isFinal(job.state) ? "Nobody has judged a change of this job." : "Nobody has judged its change yet."}>
        <span>Checks look at every change; a critic reads it where the repository names one in .slipway.yaml, under critic.</span>
      </Empty>
    );
  }
  return (
    <div className={css["stack"]}>
      <Card title={findings.length === 0 ? "Nothing was found" : "Findings"} flush={findings.length > 0}>
        {findings.length === 0 ? <p>All that looked at the change let it through without a word.</p> : <Findings findings={findings} job={job.number} />}
      </Card>
      {critics.map((critic) => (
        <Critic key={critic.name} critic={critic} />
      ))}
      {checks.length > 0 && (
        <Card title="Checks">
          <p className={css["line"]}>
            {checks.map(({ name, passed, findings: told }) => (
              <Badge key={name} tone={!passed ? "bad" : told.length > 0 ? "warn" : "ok"}>
                {name}: {!passed ? "says no" : told.length > 0 ? "tells" : "passed"}
              </Badge>
            ))}
          </p>
        </Card>
      )}
    </div>
  );
}

function Findings({ findings, job }: { findings: readonly Finding[]; job: number }) {
  return (
    <table className={css["table"]}>
      <thead>
        <tr>
          <th>Weight</th>
          <th>What</th>
          <th>Where</th>
          <th>By</th>
        </tr>
      </thead>
      <tbody>
        {findings.map(({ key, by, severity, text, file, line, refuses }) => (
          <tr key={key}>
            <td>
              <Badge tone={refuses ? "bad" : severity === "nit" || severity === "minor" ? "idle" : "warn"}>{severity}</Badge>
            </td>
            <td className={css["said"]}>{text}</td>
            <td>
              {file !== null && (
                <Link to="/jobs/$job/$tab" params={{ job: String(job), tab: "diff" }} hash={line === null ? file : `${file}:${line}`}>
                  <code>
                    {file}
                    {line !== null && `:${line}`}
                  </code>
                </Link>
              )}
            </td>
            <td>{by}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const VERDICTS = { approve: "approves", reject: "says no", none: "has no verdict" } as const;

function Critic({ critic: { name, by, level, verdict, score, confidence, summary, criteria, notes, kept, durationMs } }: { critic: CriticEvent }) {
  return (
    <Card title={`Critic ${name}`} side={<Badge tone={verdict === "approve" ? "ok" : level === "required" ? "bad" : "warn"}>{VERDICTS[verdict]}</Badge>}>
      <div className={css["stack"]}>
        <p className={css["muted"]}>
          {by}, {level}
          {score !== null && `, ${Math.round(score)} of 100`}
          {confidence !== null && `, sure by ${Math.round(confidence * 100)} %`}
          {kept ? ", the same question had been answered before" : `, ${duration(durationMs)}`}
        </p>
        <p className={css["said"]}>{summary}</p>
        {criteria.length > 0 && (
          <div className={parts["scroll"]}>
            <table className={css["table"]}>
              <thead>
                <tr>
                  <th>Criterion</th>
                  <th>Met</th>
                  <th>Why</th>
                </tr>
              </thead>
              <tbody>
                {criteria.map(({ text, verdict: met, reason, evidence }) => (
                  <tr key={text}>
                    <td>{text}</td>
                    <td>
                      <Badge tone={met === "met" ? "ok" : "bad"}>{met}</Badge>
                    </td>
                    <td>
                      {reason} {evidence.map(({ file, line }) => `${file}:${line}`).join(", ")}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {notes.map((note) => (
          <p key={note} className={css["muted"]}>
            {note}
          </p>
        ))}
      </div>
    </Card>
  );
}
