import css from "./parts.module.css";

/** How much of something is used, as a bar; the words beside it say the same. */
export function Meter({ used, of }: { used: number; of: number }) {
  const share = of > 0 ? Math.min(1, used / of) : 0;
  return (
    <span className={css["meter"]} data-full={share >= 1} aria-hidden>
      <span style={{ width: `${share * 100}%` }} />
    </span>
  );
}
