import { type KeyboardEvent, useId, useRef, useState } from "react";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import parts from "../../../parts/parts.module.css";
import css from "./diff.module.css";
import type { DraftComment } from "./drafts.ts";
import type { Finding } from "./findings.ts";
import { type Place, placeWords } from "./place.ts";

/** What can be done with comments; undefined where the reader may not write any. */
export interface CommentActions {
  readonly add: (place: Place, text: string) => void;
  readonly change: (id: string, text: string) => void;
  readonly remove: (id: string) => void;
}

/** A place to write. Ctrl+Enter keeps it, Escape closes it. */
export function CommentEditor({ place, text = "", onKeep, onClose }: { place: Place; text?: string; onKeep: (text: string) => void; onClose: () => void }) {
  const [value, setValue] = useState(text);
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const keep = (): void => {
    if (value.trim() === "") field.current?.focus();
    else onKeep(value.trim());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keep();
    else if (event.key === "Escape") onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={css["comment"]}>
      <label htmlFor={id} className={parts["label"]}>
        Comment on {placeWords(place)}
      </label>
      <textarea
        id={id}
        ref={field}
        className={parts["input"]}
        rows={3}
        maxLength={4_000}
        value={value}
        onChange={({ target }) => setValue(target.value)}
        onKeyDown={onKeyDown}
        // Somebody asked for it by a key or a click.
        // biome-ignore lint/a11y/noAutofocus: it opens where the reader is
        autoFocus
      />
      <div className={css["commentActions"]}>
        <Button small look="primary" onClick={keep}>
          Keep as a draft
        </Button>
        <Button small onClick={onClose}>
          Discard
        </Button>
        <span className={parts["muted"]}>
          <kbd>Ctrl Enter</kbd> keeps it
        </span>
      </div>
    </div>
  );
}

/** A comment that was written and not sent. */
export function CommentView({ comment, actions }: { comment: DraftComment; actions: CommentActions }) {
  const [editing, setEditing] = useState(false);
  if (editing)
    return (
      <CommentEditor
        place={comment}
        text={comment.text}
        onClose={() => setEditing(false)}
        onKeep={(text) => {
          actions.change(comment.id, text);
          setEditing(false);
        }}
      />
    );
  return (
    <article className={css["comment"]} aria-label={`Your comment on ${placeWords(comment)}`}>
      <header className={css["commentHead"]}>
        <Badge tone="info">draft</Badge>
        <span className={parts["muted"]}>{placeWords(comment)}</span>
      </header>
      <p className={css["commentText"]}>{comment.text}</p>
      <div className={css["commentActions"]}>
        <Button small look="quiet" onClick={() => setEditing(true)}>
          Edit
        </Button>
        <Button small look="quiet" onClick={() => actions.remove(comment.id)}>
          Delete
        </Button>
      </div>
    </article>
  );
}

/** What a critic or a check said. It is text of a program or a model, and shown as that. */
export function FindingView({ finding: { kind, by, severity, isBad, text } }: { finding: Finding }) {
  return (
    <article className={css["finding"]} data-bad={isBad || undefined} aria-label={`${kind} ${by}`}>
      <header className={css["commentHead"]}>
        <Badge tone={isBad ? "bad" : "warn"}>{severity}</Badge>
        <span className={parts["muted"]}>
          {kind} <strong>{by}</strong>
        </span>
      </header>
      <p className={css["commentText"]}>{text}</p>
    </article>
  );
}
