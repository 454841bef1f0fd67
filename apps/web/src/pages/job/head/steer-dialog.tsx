import type { JobView } from "@slipway/protocol/job";
import { type FormEvent, useState } from "react";
import { useAct } from "../../../api/queries.ts";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import parts from "../../../parts/parts.module.css";
import { FailureNote } from "../../../parts/states.tsx";
import css from "../job.module.css";

/** A message for the agent, in the middle of its turn. */
export function SteerDialog({ job, open, onClose }: { job: JobView; open: boolean; onClose: () => void }) {
  const steer = useAct("steerJob");
  const [text, setText] = useState("");
  const send = (event: FormEvent): void => {
    event.preventDefault();
    steer.mutate(
      { params: { job: job.id }, body: { text } },
      {
        onSuccess: () => {
          setText("");
          onClose();
        },
      },
    );
  };
  return (
    <Dialog open={open} onClose={onClose} title={`Tell the agent of job ${job.number}`}>
      <form className={css["form"]} onSubmit={send}>
        <label className={parts["field"]}>
          <span>
            It reads this in the middle of its turn; the transcript shows when it has taken it. A worker that is lost meanwhile takes the message with it.
          </span>
          <textarea className={parts["input"]} rows={5} value={text} maxLength={20_000} onChange={({ target }) => setText(target.value)} aria-label="Message" />
        </label>
        {steer.error && <FailureNote failure={steer.error} />}
        <div className={parts["actions"]}>
          <Button onClick={onClose}>Back</Button>
          <Button type="submit" look="primary" disabled={steer.isPending || text.trim() === ""}>
            {steer.isPending ? "Send …" : "Send"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
