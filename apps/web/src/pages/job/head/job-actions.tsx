import type { JobDetail } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useAct } from "../../../api/queries.ts";
import { useMay } from "../../../api/session.tsx";
import { Button, buttonClass } from "../../../parts/button.tsx";
import { Confirm } from "../../../parts/dialog.tsx";
import parts from "../../../parts/parts.module.css";
import { FailureNote } from "../../../parts/states.tsx";
import css from "../job.module.css";
import { useEvents } from "../stream/use-stream.tsx";
import { AcceptDialog, acceptableOid } from "./accept-dialog.tsx";
import { isInTurn } from "./now.ts";
import { SteerDialog } from "./steer-dialog.tsx";

/** What can be done with a job now, for those who may; what is refused says why where it was asked for. */
export function JobActions({ detail }: { detail: JobDetail }) {
  const may = useMay("submitter");
  return may ? <Offered detail={detail} /> : null;
}

function Offered({ detail }: { detail: JobDetail }) {
  const { job } = detail;
  const navigate = useNavigate();
  const params = { job: job.id };
  const inTurn = isInTurn(job, useEvents());
  const [open, setOpen] = useState<"cancel" | "steer" | "accept" | null>(null);
  const retry = useAct("retryJob");
  const replay = useAct("replayJob");
  const close = (): void => setOpen(null);
  const follow = (number: number): void => {
    if (number !== job.number) void navigate({ to: "/jobs/$job", params: { job: String(number) } });
  };
  const isTask = job.kind === "task";
  return (
    <>
      {inTurn && <Button onClick={() => setOpen("steer")}>Steer …</Button>}
      {isTask && (isFinal(job.state) || job.state === "blocked") && (
        <Button
          {...(job.state === "blocked" ? { look: "primary" as const } : {})}
          disabled={retry.isPending}
          onClick={() => retry.mutate({ params, body: {} }, { onSuccess: (answer) => follow(answer.job.number) })}
        >
          {retry.isPending ? "Retry …" : "Retry"}
        </Button>
      )}
      {isTask && job.record && job.attempts > 0 && (
        <Button disabled={replay.isPending} onClick={() => replay.mutate({ params, body: {} }, { onSuccess: (answer) => follow(answer.job.number) })}>
          {replay.isPending ? "Replay …" : "Replay"}
        </Button>
      )}
      {isTask && (
        <Link to="/new" search={{ from: String(job.number) }} className={buttonClass()}>
          Again with changes …
        </Link>
      )}
      {acceptableOid(detail) !== null && <Button onClick={() => setOpen("accept")}>Accept …</Button>}
      {!isFinal(job.state) && (
        <Button look="danger" onClick={() => setOpen("cancel")}>
          Cancel
        </Button>
      )}
      {(retry.error ?? replay.error) && <FailureNote failure={(retry.error ?? replay.error) as NonNullable<typeof retry.error>} />}
      <CancelDialog detail={detail} open={open === "cancel"} onClose={close} />
      <SteerDialog job={job} open={open === "steer"} onClose={close} />
      <AcceptDialog detail={detail} open={open === "accept"} onClose={close} onAccepted={follow} />
    </>
  );
}

function CancelDialog({ detail: { job }, open, onClose }: { detail: JobDetail; open: boolean; onClose: () => void }) {
  const cancel = useAct("cancelJob");
  const [reason, setReason] = useState("");
  const confirm = (): void => {
    const text = reason.trim();
    cancel.mutate({ params: { job: job.id }, body: text === "" ? {} : { reason: text } }, { onSuccess: onClose });
  };
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`Cancel job ${job.number}?`}
      verb="Cancel the job"
      danger
      busy={cancel.isPending}
      failure={cancel.error}
      onConfirm={confirm}
    >
      <div className={css["form"]}>
        <p>Its agent is ended within a second. What it has done so far lands nowhere.</p>
        <label className={parts["field"]}>
          <span>Why, for those who look later (may be left empty)</span>
          <input className={parts["input"]} value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} />
        </label>
      </div>
    </Confirm>
  );
}
