import { Link } from "@tanstack/react-router";
import { duration } from "../../../parts/format.ts";
import { Empty } from "../../../parts/states.tsx";
import { Took, useNow } from "../../../parts/time.tsx";
import css from "./timeline.module.css";
import type { Span, SpanEnd, TimelinePart } from "./timeline.ts";

const END_WORDS: Readonly<Record<SpanEnd, string>> = { open: "goes on", ok: "", failed: "failed", cut: "cut off" };

/** A job's time as bars: each part of its way against its own length, with what it took in figures. */
export function TimelineView({ parts, job }: { parts: readonly TimelinePart[]; job: number }) {
  if (parts.length === 0) return <Empty title="Nothing has happened yet." />;
  return (
    <ol className={css["parts"]}>
      {parts.map((part) => (
        <li key={part.key} className={css["part"]}>
          <div className={css["head"]}>
            <strong>{part.title}</strong>
            <span className={css["note"]}>{part.note}</span>
            <span className={css["took"]}>
              <Took from={part.from} to={part.to} />
            </span>
          </div>
          {part.spans.length > 0 && <Spans part={part} job={job} />}
        </li>
      ))}
    </ol>
  );
}

function Spans({ part, job }: { part: TimelinePart; job: number }) {
  const now = useNow();
  const until = part.to ?? Math.max(now, ...part.spans.map(({ from, to }) => to ?? from));
  const whole = Math.max(until - part.from, 1);
  return (
    <ol className={css["spans"]}>
      {part.spans.map((span) => (
        <li key={span.key} className={`${css["span"]} ${css[span.kind]}`}>
          <span className={css["name"]}>
            <Name span={span} job={job} />
          </span>
          <span className={css["lane"]} aria-hidden>
            <span
              className={`${css["bar"]} ${css[span.end]}`}
              style={{
                left: `${Math.min((100 * (span.from - part.from)) / whole, 99.5)}%`,
                width: `${Math.max((100 * ((span.to ?? until) - span.from)) / whole, 0.5)}%`,
              }}
            />
          </span>
          <span className={css["took"]}>
            <Took from={span.from} to={span.to} />
          </span>
          {(span.detail !== "" || span.end === "failed" || span.end === "cut" || span.parts.length > 0) && (
            <span className={`${css["detail"]} ${span.end === "failed" ? css["bad"] : ""}`}>
              {[END_WORDS[span.end], span.detail, partsText(span)].filter(Boolean).join(" · ")}
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

/** Turns and gates lead to what they said. */
function Name({ span, job }: { span: Span; job: number }) {
  const params = { job: String(job) };
  if (span.kind === "turn") {
    return (
      <Link to="/jobs/$job/$tab" params={{ ...params, tab: "transcript" }}>
        {span.name}
      </Link>
    );
  }
  if (span.kind === "gate") {
    return (
      <Link to="/jobs/$job/$tab" params={{ ...params, tab: "gates" }}>
        {span.name}
      </Link>
    );
  }
  return span.name;
}

/** The steps that took longest, where they matter. */
function partsText({ parts, from, to }: Span): string {
  const least = to === null ? 0 : (to - from) / 20;
  return parts
    .filter(([, ms]) => ms >= Math.max(least, 250))
    .slice(0, 4)
    .map(([name, ms]) => `${name} ${duration(ms)}`)
    .join(", ");
}
