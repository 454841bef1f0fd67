import { isFinal } from "@slipway/protocol/states";
import { useState } from "react";
import { Button } from "../../parts/button.tsx";
import { plural } from "../../parts/format.ts";
import { type BulkAct, BulkDialog } from "./bulk-dialog.tsx";
import type { JobRow } from "./job-row.ts";
import css from "./jobs.module.css";
import type { useSelection } from "./selection.ts";

/** What can be done with the jobs that are selected. */
export function BulkBar({ selection, rows }: { selection: ReturnType<typeof useSelection>; rows: readonly JobRow[] }) {
  const [act, setAct] = useState<BulkAct | null>(null);
  const { selected, clear } = selection;
  if (selected.size === 0) return null;
  const chosen = rows.filter(({ number }) => selected.has(number));
  return (
    <section className={css["bulk"]} aria-label="What is selected">
      <strong role="status">{plural(selected.size, "job")} selected</strong>
      <Button small look="danger" onClick={() => setAct("cancel")} disabled={chosen.every(({ state }) => isFinal(state))}>
        Cancel …
      </Button>
      <Button small onClick={() => setAct("retry")}>
        Retry …
      </Button>
      <Button small look="quiet" onClick={clear}>
        Clear the selection
      </Button>
      {act !== null && (
        <BulkDialog
          act={act}
          chosen={chosen}
          onClose={(isDone) => {
            setAct(null);
            if (isDone) clear();
          }}
        />
      )}
    </section>
  );
}
