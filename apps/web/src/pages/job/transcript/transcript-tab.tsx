import type { JobDetail } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { useMemo, useState } from "react";
import { addressOf } from "../../../api/call.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { Empty } from "../../../parts/states.tsx";
import { Took } from "../../../parts/time.tsx";
import { useEvents, useStream } from "../stream/use-stream.tsx";
import { EntryView } from "./entry-view.tsx";
import css from "./transcript.module.css";
import { type TranscriptTurn, transcriptOf } from "./transcript.ts";

/** Entries that are in the page at first, and that one more click brings. */
const SHOWN_ENTRIES = 300;

const REASONS = {
  task: "the task",
  repair: "repair what gates and checks found",
  revision: "revise what was found",
  nudge: "go on, as it had stalled",
} as const;

/** What was said and done in each turn; tool calls and thoughts are folded. */
export function TranscriptTab({ detail: { job } }: { detail: JobDetail }) {
  const events = useEvents();
  const { dropped } = useStream().events;
  const turns = useMemo(() => transcriptOf(events), [events]);
  const [limit, setLimit] = useState(SHOWN_ENTRIES);
  const { shown, hidden } = newest(
    turns.filter(({ turn, entries }) => turn > 0 || entries.length > 0),
    limit,
  );
  if (shown.length === 0) {
    return (
      <Empty title={isFinal(job.state) ? "Its agent has said nothing." : "Its agent has said nothing yet."}>
        <span>Messages, tool calls and plans come here while a turn runs.</span>
        <code>slipway logs -f {job.number}</code>
      </Empty>
    );
  }
  return (
    <div className={css["transcript"]}>
      {dropped > 0 && (
        <p role="note">
          {dropped.toLocaleString("en")} older events gave way, as the page holds only so much;{" "}
          <a href={addressOf("getArtifact", { params: { job: job.id, name: "transcript.md" } })}>transcript.md</a> has all.
        </p>
      )}
      {hidden > 0 && (
        <Button onClick={() => setLimit(limit + SHOWN_ENTRIES)}>
          Show {Math.min(hidden, SHOWN_ENTRIES)} earlier entries of {hidden.toLocaleString("en")}
        </Button>
      )}
      {shown.map((turn) => (
        <TurnView key={turn.key} turn={turn} />
      ))}
    </div>
  );
}

function TurnView({ turn }: { turn: TranscriptTurn }) {
  const { fence, reason, from, to, failedWith, entries } = turn;
  return (
    <section className={css["turn"]} aria-label={turn.turn > 0 ? `Turn ${turn.turn} of attempt ${fence}` : "Between the turns"}>
      <header className={css["head"]}>
        <h2>{turn.turn > 0 ? `Turn ${turn.turn}` : fence === null ? "Before it began" : `Attempt ${fence}`}</h2>
        {reason && <span className={css["why"]}>{REASONS[reason]}</span>}
        {turn.turn > 0 && (fence ?? 1) > 1 && <span className={css["why"]}>attempt {fence}</span>}
        {failedWith !== null && <Badge tone="bad">{failedWith}</Badge>}
        {turn.turn > 0 && (
          <span className={css["took"]}>
            <Took from={from} to={to} />
          </span>
        )}
      </header>
      <ol className={css["entries"]}>
        {entries.map((entry) => (
          <li key={entry.seq} className={css["entry"]}>
            <EntryView entry={entry} />
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The newest entries, in their turns. */
function newest(turns: readonly TranscriptTurn[], limit: number): { shown: TranscriptTurn[]; hidden: number } {
  let left = limit;
  const shown: TranscriptTurn[] = [];
  for (const turn of turns.toReversed()) {
    if (left <= 0) break;
    shown.unshift(turn.entries.length <= left ? turn : { ...turn, entries: turn.entries.slice(-left) });
    left -= turn.entries.length;
  }
  const all = turns.reduce((sum, { entries }) => sum + entries.length, 0);
  return { shown, hidden: all - shown.reduce((sum, { entries }) => sum + entries.length, 0) };
}
