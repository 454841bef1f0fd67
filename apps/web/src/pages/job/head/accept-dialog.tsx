import type { Red } from "@slipway/protocol/acceptance";
import type { JobDetail } from "@slipway/protocol/job";
import { useState } from "react";
import { useAct } from "../../../api/queries.ts";
import { Confirm } from "../../../parts/dialog.tsx";
import { plural } from "../../../parts/format.ts";
import parts from "../../../parts/parts.module.css";
import css from "../job.module.css";

/** The work that a person may accept, as far as the page can tell; null where there is none. The server has the last word, and says why not. */
export function acceptableOid({ job, attempts, acceptedAs }: JobDetail): string | null {
  if (job.kind !== "task" || job.state !== "failed" || job.readOnly || job.failure?.code === "MERGE_CONFLICT") return null;
  if (acceptedAs.some(({ state }) => state !== "cancelled")) return null;
  return job.resultOid ?? attempts.findLast(({ keptOid }) => keptOid !== null)?.keptOid ?? null;
}

/** What is known to be red on it. */
function redOf({ attempts, receipts, acceptance }: JobDetail, oid: string): readonly Red[] {
  const kept = attempts.findLast(({ keptOid }) => keptOid === oid)?.keptRed;
  if (kept) return kept;
  const newest = new Map(receipts.map((receipt) => [receipt.gate, receipt]));
  const red = [...newest.values()].filter(({ exitCode }) => exitCode !== 0);
  return [
    ...(acceptance?.red ?? []),
    ...red.map(({ gate, exitCode }): Red => ({ by: "gate", name: gate, findings: [`exit code ${exitCode} on the merged tree`] })),
  ];
}

/** Shows what is red, and has the work landed all the same by this person's word. */
export function AcceptDialog({
  detail,
  open,
  onClose,
  onAccepted,
}: {
  detail: JobDetail;
  open: boolean;
  onClose: () => void;
  onAccepted: (job: number) => void;
}) {
  const { job } = detail;
  const accept = useAct("acceptJob");
  const [reason, setReason] = useState("");
  const [secrets, setSecrets] = useState(false);
  const oid = acceptableOid(detail);
  if (oid === null) return null;
  const red = redOf(detail, oid);
  const hasSecrets = red.some(({ by, name }) => by === "check" && name === "secrets");
  const confirm = (): void => {
    const text = reason.trim();
    accept.mutate(
      { params: { job: job.id }, body: { oid, including: secrets ? ["secrets"] : [], ...(text === "" ? {} : { reason: text }) } },
      {
        onSuccess: (answer) => {
          onClose();
          onAccepted(answer.job.number);
        },
      },
    );
  };
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`Accept the work of job ${job.number} all the same?`}
      verb="Accept the work"
      danger
      busy={accept.isPending}
      failure={accept.error}
      onConfirm={confirm}
    >
      <div className={css["form"]}>
        <p>
          A new job lands commit <code>{oid.slice(0, 12)}</code>
          {job.diffStat && ` (${plural(job.diffStat.files, "file")}, +${job.diffStat.insertions} −${job.diffStat.deletions})`} on {job.target}. Its gates run
          and are recorded as ever; those that are red below do not stop it. Your name and your reason are kept with it.
        </p>
        {red.length === 0 ? (
          <p>Nothing is known to be red on it: its gates have to pass.</p>
        ) : (
          <ul className={css["red"]}>
            {red.map(({ by, name, findings }) => (
              <li key={`${by} ${name}`}>
                <strong>
                  {by} {name}
                </strong>
                {findings.slice(0, 5).map((finding) => (
                  <p key={finding}>{finding}</p>
                ))}
              </li>
            ))}
          </ul>
        )}
        {hasSecrets && (
          <label>
            <input type="checkbox" checked={secrets} onChange={({ target }) => setSecrets(target.checked)} /> Accept what the check secrets found too
          </label>
        )}
        <label className={parts["field"]}>
          <span>Why (may be left empty)</span>
          <input className={parts["input"]} value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} />
        </label>
      </div>
    </Confirm>
  );
}
