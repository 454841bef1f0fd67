import { useLink } from "../api/link.tsx";
import { Button } from "../parts/button.tsx";
import { distance } from "../parts/format.ts";
import { useNow } from "../parts/time.tsx";
import css from "./shell.module.css";

const WORDS = { connecting: "Connecting …", live: "Live", lost: "Cut off" } as const;

/** A dot and a word: whether what is on the page is what there is. */
export function Connection() {
  const { status } = useLink().state;
  return (
    <span className={css["link"]} role="status">
      <span className={css["dot"]} data-status={status} aria-hidden />
      {WORDS[status]}
    </span>
  );
}

/** Says that the page is cut off, since when, and that it tries again. */
export function LostNotice() {
  const { state, retry } = useLink();
  if (state.status !== "lost") return null;
  return (
    <div className={css["lost"]} role="alert">
      <span>
        The server does not answer since <Since at={state.since} />. What you see is what was known then; the page tries again by itself and catches up.
      </span>
      <Button small onClick={retry}>
        Try now
      </Button>
    </div>
  );
}

function Since({ at }: { at: number }) {
  return <span aria-hidden>{distance(at, Math.max(useNow(), at + 1_000))}</span>;
}
