import { type ReactNode, useState } from "react";
import { Badge } from "../../../parts/badge.tsx";
import { count, duration, money, plural } from "../../../parts/format.ts";
import { LongText } from "../long-text.tsx";
import { Markdown } from "./markdown.tsx";
import css from "./transcript.module.css";
import type { Entry } from "./transcript.ts";

/** One thing that was said or done. */
export function EntryView({ entry }: { entry: Entry }) {
  switch (entry.kind) {
    case "message":
      if (entry.role === "agent") return <Markdown text={entry.text} />;
      if (entry.role === "user") {
        return (
          <div className={css["user"]}>
            <strong>To the agent</strong>
            <LongText text={entry.text} />
          </div>
        );
      }
      return (
        <Fold summary={<>Thought: {firstLine(entry.text)}</>}>
          <LongText text={entry.text} />
        </Fold>
      );
    case "tool":
      return <Tool entry={entry} />;
    case "plan":
      return (
        <div className={css["plan"]}>
          <strong>Plan</strong>
          <ul>
            {entry.items.map(({ text, status }, index) => (
              // A plan is told anew as a whole.
              // biome-ignore lint/suspicious/noArrayIndexKey: its place is what it is
              <li key={index} data-status={status}>
                <span aria-hidden>{{ open: "○", active: "◐", done: "●" }[status]}</span> {text} <span className="visually-hidden">({status})</span>
              </li>
            ))}
          </ul>
        </div>
      );
    case "file":
      return (
        <p className={css["small"]}>
          {entry.changes.map(({ path, change }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same file may be told of twice
            <span key={index}>
              {index > 0 && ", "}
              {change} <code>{path}</code>
            </span>
          ))}
        </p>
      );
    case "permission":
      return (
        <p className={css["small"]}>
          <Badge tone={entry.data.answer === "allowed" ? "ok" : "warn"}>{entry.data.answer}</Badge> asked for leave to {entry.data.asked}:{" "}
          <code>{entry.data.text}</code> (policy {entry.data.policy})
        </p>
      );
    case "notice":
      return (
        <p className={css["small"]}>
          <Badge tone={{ info: "info", warning: "warn", error: "bad" }[entry.data.level] as "info" | "warn" | "bad"}>
            {entry.data.code ?? entry.data.level}
          </Badge>{" "}
          {entry.data.text}
        </p>
      );
    case "calls":
      return <p className={css["small"]}>{callsText(entry.calls)}</p>;
    case "stalled":
      return (
        <p className={css["small"]}>
          <Badge tone="warn">stalled</Badge> Nothing came for {duration(entry.data.silentMs)};{" "}
          {entry.data.next === "nudge" ? "it is asked once to go on." : "it is given up."}
        </p>
      );
    case "judged":
      return (
        <div className={css["small"]}>
          <Badge tone={entry.tone}>{entry.text}</Badge>
          {entry.findings.slice(0, 10).map((finding) => (
            <p key={finding}>{finding}</p>
          ))}
        </div>
      );
    case "gap":
      return (
        <p className={css["small"]}>
          <Badge tone="warn">gap</Badge> {plural(entry.data.droppedEvents, "event")} missing here: {entry.data.reason}.
        </p>
      );
  }
}

function Tool({ entry }: { entry: Extract<Entry, { kind: "tool" }> }) {
  const { name, input, result } = entry;
  const state = result === null ? <Badge tone="idle">no result yet</Badge> : result.isError ? <Badge tone="bad">failed</Badge> : null;
  return (
    <Fold
      summary={
        <>
          <strong>{name}</strong> <span className={css["input"]}>{inputLine(input)}</span> {state}
        </>
      }
    >
      {input !== undefined && <LongText isCode text={typeof input === "string" ? input : JSON.stringify(input, null, 2)} />}
      {result && (
        <>
          <p className={css["why"]}>{result.isError ? "It failed:" : "It gave:"}</p>
          <LongText isCode text={result.output === "" ? "(nothing)" : result.output} />
        </>
      )}
    </Fold>
  );
}

/** What is inside is made when somebody opens it. */
function Fold({ summary, children }: { summary: ReactNode; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <details className={css["fold"]} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{summary}</summary>
      {open && <div className={css["inside"]}>{children}</div>}
    </details>
  );
}

const LINE_CHARACTERS = 160;

function firstLine(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length > LINE_CHARACTERS ? `${line.slice(0, LINE_CHARACTERS).toWellFormed()} …` : line;
}

/** The word of an input that tells most: the command, the path, else all of it. */
function inputLine(input: unknown): string {
  if (input === undefined || input === null) return "";
  if (typeof input === "string") return firstLine(input);
  const fields = input as Readonly<Record<string, unknown>>;
  const told = ["command", "cmd", "path", "file_path", "pattern", "query", "url"]
    .map((key) => fields[key])
    .find((value) => typeof value === "string" || Array.isArray(value));
  return firstLine(told === undefined ? JSON.stringify(input) : Array.isArray(told) ? told.join(" ") : String(told));
}

function callsText(calls: Extract<Entry, { kind: "calls" }>["calls"]): string {
  const sum = (of: (call: (typeof calls)[number]) => number): number => calls.reduce((total, call) => total + of(call), 0);
  const failed = calls.filter(({ outcome }) => outcome === "failed");
  const models = [...new Set(calls.map(({ model }) => model))].join(", ");
  const tokens = `${count(sum(({ usage }) => usage.inputTokens))} tokens in, ${count(sum(({ usage }) => usage.outputTokens))} out`;
  const bad = failed.length > 0 ? ` · ${failed.length} failed${failed[0]?.code ? ` (${failed[0].code})` : ""}` : "";
  return `${plural(calls.length, "model call")} · ${models} · ${tokens} · ${money(sum(({ usage }) => usage.costUsd))} · ${duration(sum(({ durationMs }) => durationMs))}${bad}`;
}
