import type { JobChange } from "@slipway/protocol/job-changes";
import { useId } from "react";
import parts from "../../../parts/parts.module.css";
import css from "./diff.module.css";

/** Which change is shown, and against which; nothing where there is but one. */
export function ChangesBar({
  changes,
  change,
  since,
  onPick,
}: {
  changes: readonly JobChange[];
  change: string;
  since: string;
  onPick: (next: { change?: string; since?: string }) => void;
}) {
  const id = useId();
  if (changes.length < 2) return null;
  const newest = changes.at(-1)?.id;
  return (
    <div className={css["pick"]}>
      <label htmlFor={`${id}-change`}>Show</label>
      <select
        id={`${id}-change`}
        className={parts["input"]}
        value={change}
        onChange={({ target }) => onPick({ change: target.value === newest ? "" : target.value })}
      >
        {changes.toReversed().map((one) => (
          <option key={one.id} value={one.id}>
            {changeWords(one)}
          </option>
        ))}
      </select>
      <label htmlFor={`${id}-since`}>since</label>
      <select id={`${id}-since`} className={parts["input"]} value={since} onChange={({ target }) => onPick({ since: target.value })}>
        <option value="">what it was made on</option>
        {changes
          .filter((one) => one.id !== change)
          .map((one) => (
            <option key={one.id} value={one.id}>
              {changeWords(one)}
            </option>
          ))}
      </select>
    </div>
  );
}

/** Such as "attempt 2, change 1: sent back by tests". */
function changeWords({ fence, number, kind, refusedBy }: JobChange): string {
  if (fence === null) return "the work that was accepted";
  const by = refusedBy.length === 0 ? "" : ` by ${refusedBy.slice(0, 3).join(", ")}`;
  const what = { change: "its result", kept: by === "" ? "kept of what failed" : `kept, refused${by}`, refused: `sent back${by}`, accepted: "" }[kind];
  return `attempt ${fence}${number === null ? "" : `, change ${number}`}: ${what}`;
}
