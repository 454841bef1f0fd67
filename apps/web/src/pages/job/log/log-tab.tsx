import type { JobDetail } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "../../../parts/button.tsx";
import parts from "../../../parts/parts.module.css";
import { Empty, FailureNote, Loading } from "../../../parts/states.tsx";
import { useStream } from "../stream/use-stream.tsx";
import css from "./log.module.css";
import { KEPT_CHARACTERS, type LogPart } from "./log-store.ts";
import { LogView } from "./log-view.tsx";
import { usePart } from "./use-part.ts";

/** The job's log: all streams in the order in which their lines came, or one of them. Stream and line are in the address. */
export function LogTab({ detail: { job } }: { detail: JobDetail }) {
  const { log, state } = useStream();
  const search = useSearch({ strict: false }) as Readonly<Record<string, string>>;
  const navigate = useNavigate();
  const [part, setPart] = useState<number | null>(null);
  const stream = search["stream"] ?? null;
  const line = Number(search["line"]);
  const go = (next: Record<string, string>): void =>
    void navigate({ to: "/jobs/$job/$tab", params: { job: String(job.number), tab: "log" }, search: next, replace: true, resetScroll: false });
  const earlier = log.parts.filter(({ firstLine }) => firstLine < log.firstLine);
  const shared = {
    stream,
    line: Number.isSafeInteger(line) && line > 0 ? line : null,
    onLine: (picked: number) => go({ ...(stream === null ? {} : { stream }), line: String(picked) }),
    label: stream === null ? `Log of job ${job.number}` : `Log of job ${job.number}, ${stream}`,
    choice: (
      <select
        className={`${parts["input"]} ${css["choice"]}`}
        aria-label="Stream"
        value={stream ?? ""}
        onChange={({ target }) => go(target.value === "" ? {} : { stream: target.value })}
      >
        <option value="">All streams</option>
        {log.streams.map(({ name, lines }) => (
          <option key={name} value={name}>
            {name} ({lines.toLocaleString("en")} lines)
          </option>
        ))}
        {stream !== null && log.placeOf(stream) === undefined && <option value={stream}>{stream}</option>}
      </select>
    ),
  };
  const shownPart = part === null ? undefined : earlier[part];
  if (shownPart) {
    const next = log.parts[log.parts.indexOf(shownPart) + 1];
    return <PartView key={shownPart.after} job={job.id} {...{ part: shownPart, next, shared, index: part ?? 0, count: earlier.length, setPart }} />;
  }
  return (
    <>
      {earlier.length > 0 && (
        <p className={css["given"]} role="note">
          <span>
            {log.firstLine.toLocaleString("en")} older lines gave way: the page holds the newest {KEPT_CHARACTERS / 1_048_576} Mi characters of a log.
          </span>
          <Button small onClick={() => setPart(earlier.length - 1)}>
            Show an earlier part
          </Button>
        </p>
      )}
      <LogView
        key={stream ?? ""}
        store={log}
        isLive={!isFinal(job.state)}
        {...shared}
        empty={
          state.status === "catching-up" || state.status === "connecting" ? (
            <Loading what="the log" />
          ) : (
            <Empty title={stream === null ? "Nothing was logged." : `Nothing was logged by ${stream}.`}>
              <span>What the agent, the setup and the gates print comes here while they run.</span>
              <code>slipway logs -f {job.number}</code>
            </Empty>
          )
        }
      />
    </>
  );
}

interface PartViewProps {
  readonly job: string;
  readonly part: LogPart;
  readonly next: LogPart | undefined;
  readonly index: number;
  readonly count: number;
  readonly setPart: (part: number | null) => void;
  readonly shared: Omit<Parameters<typeof LogView>[0], "store" | "isLive" | "empty">;
}

/** A part of the log that had given way, read anew. */
function PartView({ job, part, next, index, count, setPart, shared }: PartViewProps) {
  const { data, error } = usePart(job, part, next);
  return (
    <>
      <p className={css["given"]} role="note">
        <span>
          An earlier part, from line {(part.firstLine + 1).toLocaleString("en")}
          {next ? ` to ${next.firstLine.toLocaleString("en")}` : ""}.
        </span>
        <Button small disabled={index === 0} onClick={() => setPart(index - 1)}>
          Earlier
        </Button>
        <Button small disabled={index >= count - 1} onClick={() => setPart(index + 1)}>
          Later
        </Button>
        <Button small onClick={() => setPart(null)}>
          Back to the newest lines
        </Button>
      </p>
      {error && <FailureNote failure={error} title="Could not load this part of the log." />}
      {data ? (
        <LogView store={data} isLive={false} {...shared} empty={<Empty title="No line of it is in this part." />} />
      ) : (
        !error && <Loading what="an earlier part of the log" />
      )}
    </>
  );
}
