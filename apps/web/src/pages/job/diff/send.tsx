import type { JobDetail, JobView } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { Link } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { useId, useState } from "react";
import { useAct } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { plural } from "../../../parts/format.ts";
import parts from "../../../parts/parts.module.css";
import { FailureNote, Note } from "../../../parts/states.tsx";
import css from "./diff.module.css";
import type { Drafts } from "./drafts.ts";
import { placeText } from "./place.ts";

interface SendProps {
  readonly detail: JobDetail;
  readonly change: string;
  readonly drafts: Drafts;
  readonly setDrafts: (next: (drafts: Drafts) => Drafts) => void;
}

/** What was written, and the way to the agent. */
export function SendBar({ detail, change, drafts, setDrafts }: SendProps) {
  const [open, setOpen] = useState(false);
  const [sent, setSent] = useState<{ job: JobView; created: boolean } | null>(null);
  const { comments, note } = drafts;
  const isEmpty = comments.length === 0 && note.trim() === "";
  return (
    <section className={css["send"]} aria-label="Your comments">
      {sent && isEmpty ? (
        <span role="status">
          {sent.created ? (
            <>
              Job{" "}
              <Link to="/jobs/$job" params={{ job: String(sent.job.number) }}>
                {sent.job.number}
              </Link>{" "}
              goes on from this change, with your comments.
            </>
          ) : (
            "Sent to the agent, which is at work."
          )}
        </span>
      ) : (
        <span className={isEmpty ? css["sendHint"] : undefined}>
          {isEmpty ? (
            <>
              No comments yet. Click a line’s number, or go to it with <kbd>j</kbd> <kbd>k</kbd> and press <kbd>Enter</kbd>, then <kbd>c</kbd>.
            </>
          ) : (
            `${plural(comments.length, "comment")}${note.trim() === "" ? "" : " and a note"}, kept in this browser until you send them.`
          )}
        </span>
      )}
      <Button look={isEmpty ? "quiet" : "primary"} onClick={() => setOpen(true)}>
        <Send size={15} aria-hidden /> {isEmpty ? "Write to the agent" : "Send to the agent"} …
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={`Revise job ${detail.job.number}`}>
        <SendForm
          {...{ detail, change, drafts, setDrafts }}
          onClose={() => setOpen(false)}
          onSent={(answer) => {
            setSent(answer);
            setOpen(false);
            setDrafts((all) => ({ ...all, note: "", comments: [] }));
          }}
        />
      </Dialog>
    </section>
  );
}

function SendForm({
  detail,
  change,
  drafts,
  setDrafts,
  onClose,
  onSent,
}: SendProps & { onClose: () => void; onSent: (answer: { job: JobView; created: boolean }) => void }) {
  const act = useAct("reviseJob");
  const id = useId();
  const { job } = detail;
  const { note, comments } = drafts;
  const isEmpty = comments.length === 0 && note.trim() === "";
  const isPossible = isFinal(job.state) || job.state === "running";
  const send = (): void => {
    const sentComments = comments.map(({ path, side, line, endLine, text }) => ({
      path,
      side,
      text,
      ...(line === null ? {} : { line }),
      ...(endLine === null ? {} : { endLine }),
    }));
    const body = { note, comments: sentComments, ...(change === "" ? {} : { change }) };
    act.mutate({ params: { job: job.id }, body }, { onSuccess: onSent });
  };
  return (
    <form
      className={css["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isEmpty && isPossible) send();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !isEmpty && isPossible) send();
      }}
    >
      <p>{whatHappens(job)}</p>
      <div className={parts["field"]}>
        <label htmlFor={id}>What you ask of all of it</label>
        <textarea
          id={id}
          className={parts["input"]}
          rows={4}
          maxLength={20_000}
          value={note}
          onChange={({ target }) => setDrafts((all) => ({ ...all, note: target.value }))}
        />
      </div>
      {comments.length > 0 && (
        <ul className={css["sendList"]} aria-label="Comments that are sent along">
          {comments.map((comment) => (
            <li key={comment.id}>
              <code>{placeText(comment)}</code>
              <span>{comment.text}</span>
              <Button
                small
                look="quiet"
                aria-label={`Delete the comment on ${placeText(comment)}`}
                onClick={() => setDrafts((all) => ({ ...all, comments: all.comments.filter((one) => one.id !== comment.id) }))}
              >
                Delete
              </Button>
            </li>
          ))}
        </ul>
      )}
      {act.error && <FailureNote failure={act.error} title={failureTitle(act.error.details["field"], comments)} />}
      {!isPossible && <Note tone="warn" title="It cannot be sent now. Your comments stay here." />}
      <div className={parts["actions"]}>
        <Button onClick={onClose}>Back</Button>
        <Button look="primary" type="submit" disabled={isEmpty || !isPossible || act.isPending}>
          {act.isPending ? "Sending …" : "Send to the agent"}
        </Button>
      </div>
    </form>
  );
}

/** Before it is sent: what becomes of it. */
function whatHappens({ number, state, landedOid, delivery, target }: JobView): string {
  if (state === "running") return "The agent is at work: it gets this as a message, where it takes messages in the middle of a turn.";
  if (!isFinal(state)) return `Job ${number} is ${state}: nobody works on it, and it is not over. Wait for its end, or cancel it first.`;
  if (landedOid !== null)
    return `The change has landed. A new job begins with ${target} as it is now, with your comments and the lines that they are about as its task.`;
  if (delivery?.state === "delivered" && delivery.pullRequest?.state !== "closed" && delivery.pullRequest?.state !== "merged")
    return `A new job goes on from the branch ${delivery.branch} as it is now, with your comments as its task, and pushes to it.`;
  return `The change did not land. A new job begins with this work in its workspace, with your comments as its task, and goes to ${target}.`;
}

function failureTitle(field: unknown, comments: Drafts["comments"]): string {
  const at = typeof field === "string" ? /^comments\.(\d+)\./.exec(field)?.[1] : undefined;
  const comment = at === undefined ? undefined : comments[Number(at)];
  return comment ? `The comment on ${placeText(comment)} cannot be sent.` : "It was not sent.";
}
