import { Note } from "../../../parts/states.tsx";
import { Ago } from "../../../parts/time.tsx";
import { useStreamStatus } from "./use-stream.tsx";

/** Says where what is shown of the job's events is not all that there is. */
export function StreamNotice() {
  const state = useStreamStatus();
  if (state.status === "catching-up") {
    return (
      <p role="status" data-stream="catching-up">
        Catching up: event {state.at.toLocaleString("en")} of {state.of.toLocaleString("en")} …
      </p>
    );
  }
  if (state.status === "connecting") return <p role="status">Asking for the job's events …</p>;
  if (state.status !== "lost") return null;
  return (
    <Note tone="warn" title="The job's events do not come any more.">
      <p>
        Cut off <Ago at={state.since} />. The page tries again by itself, and goes on where it was: nothing is lost.
      </p>
    </Note>
  );
}
