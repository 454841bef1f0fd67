import type { Overview } from "@slipway/protocol/overview";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { money } from "../../parts/format.ts";
import { needs } from "./needs.ts";
import css from "./overview.module.css";

/** The answers in one line each, and the way to what is behind them. */
export function Tiles({ overview }: { overview: Overview }) {
  const { counts, running, workers, waiting, landed, spending } = overview;
  const slots = workers.filter(({ connected, draining, cordon }) => connected && !draining && cordon === null).reduce((sum, worker) => sum + worker.slots, 0);
  const atWork = running.filter(({ kind }) => kind === "task").length;
  const wanted = needs(overview).length;
  const { usd } = spending.budget;
  return (
    <ul className={css["tiles"]} aria-label="At a glance">
      <Tile
        name="Need you"
        value={wanted}
        note={wanted === 0 ? "nothing waits for a person" : "see below"}
        tone={wanted > 0 ? "warn" : undefined}
        search={{ state: "blocked" }}
      />
      <Tile name="Running" value={counts.running} note={`${atWork} of ${slots} slots`} search={{ state: "running" }} />
      <Tile
        name="Waiting"
        value={counts.queued}
        note={`${waiting.lanes.interactive} interactive, ${waiting.lanes.background} background`}
        search={{ state: "queued" }}
      />
      <Tile name="Landing" value={counts.integrating} note="merged, verified, in order" search={{ state: "integrating" }} />
      <Tile
        name="Landed today"
        value={landed.jobs}
        note={`${counts.done} done in all`}
        tone={landed.jobs > 0 ? "ok" : undefined}
        search={{ state: "done", since: "today" }}
      />
      <Tile
        name="Failed today"
        value={counts.failed}
        note={`${counts.cancelled} cancelled`}
        tone={counts.failed > 0 ? "bad" : undefined}
        search={{ state: "failed", since: "today" }}
      />
      <Tile name="Spent today" value={money(spending.usd)} note={usd === undefined ? "no day budget" : `of ${money(usd)}`} />
    </ul>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: ReactNode;
  readonly note: string;
  readonly tone?: "ok" | "warn" | "bad" | undefined;
  /** Which jobs are behind it. */
  readonly search?: Record<string, string>;
}

function Tile({ name, value, note, tone, search }: TileProps) {
  const inner = (
    <>
      <span className={css["tileName"]}>{name}</span>
      <strong className={tone && css[tone]}>{value}</strong>
      <span className={css["tileNote"]}>{note}</span>
    </>
  );
  return (
    <li>
      {search ? (
        <Link to="/jobs" search={search} className={css["tile"]}>
          {inner}
        </Link>
      ) : (
        <a href="#spending" className={css["tile"]}>
          {inner}
        </a>
      )}
    </li>
  );
}
