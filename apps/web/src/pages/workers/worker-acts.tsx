import type { WorkerView } from "@slipway/protocol/worker-api";
import { useId, useState } from "react";
import { useAct } from "../../api/queries.ts";
import { Button } from "../../parts/button.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { plural } from "../../parts/format.ts";
import parts from "../../parts/parts.module.css";
import css from "./workers.module.css";

/** Takes a worker out of service: for a while, or until it is started anew. */
export function WorkerActs({ worker: { id, name, cordon, draining, running, connected } }: { worker: WorkerView }) {
  const [open, setOpen] = useState<"cordon" | "drain" | null>(null);
  const [reason, setReason] = useState("");
  const cordonWorker = useAct("cordonWorker");
  const uncordonWorker = useAct("uncordonWorker");
  const drainWorker = useAct("drainWorker");
  const field = useId();
  const close = (): void => {
    setOpen(null);
    cordonWorker.reset();
    drainWorker.reset();
  };
  const params = { worker: id };
  const left = running.length === 0 ? "It runs nothing now." : `It goes on with the ${plural(running.length, "job")} that it runs.`;
  return (
    <span className={css["acts"]}>
      {uncordonWorker.error && <span role="alert">{uncordonWorker.error.message}</span>}
      {cordon === null ? (
        <Button small onClick={() => setOpen("cordon")} aria-label={`Cordon ${name}`}>
          Cordon …
        </Button>
      ) : (
        <Button small onClick={() => uncordonWorker.mutate({ params, body: {} })} disabled={uncordonWorker.isPending} aria-label={`Uncordon ${name}`}>
          {uncordonWorker.isPending ? "Uncordoning …" : "Uncordon"}
        </Button>
      )}
      {connected && !draining && (
        <Button small look="danger" onClick={() => setOpen("drain")} aria-label={`Drain ${name}`}>
          Drain …
        </Button>
      )}
      <Confirm
        open={open === "cordon"}
        onClose={close}
        title={`Cordon ${name}?`}
        verb={`Cordon ${name}`}
        busy={cordonWorker.isPending}
        failure={cordonWorker.error}
        onConfirm={() => cordonWorker.mutate({ params, body: reason.trim() === "" ? {} : { reason: reason.trim() } }, { onSuccess: close })}
      >
        <p>It takes no further jobs until somebody uncordons it, over restarts too. {left}</p>
        <div className={parts["field"]}>
          <label htmlFor={field}>Why, for everybody who waits</label>
          <input id={field} className={parts["input"]} value={reason} maxLength={500} onChange={({ target }) => setReason(target.value)} />
        </div>
      </Confirm>
      <Confirm
        open={open === "drain"}
        onClose={close}
        title={`Drain ${name}?`}
        verb={`Drain ${name}`}
        danger
        busy={drainWorker.isPending}
        failure={drainWorker.error}
        onConfirm={() => drainWorker.mutate({ params, body: {} }, { onSuccess: close })}
      >
        <p>It takes nothing more, and its process ends when it is done: it has to be started again on its machine. {left}</p>
        <p>To have it back later without that, cordon it.</p>
      </Confirm>
    </span>
  );
}
