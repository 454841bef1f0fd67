import css from "../job.module.css";

/** A sentence of the server, with what stands between backticks as what can be typed. */
export function Words({ text }: { text: string }) {
  return text.split(/`([^`\n]+)`/).map((part, index) =>
    index % 2 === 1 ? (
      // The pieces of one sentence do not move.
      // biome-ignore lint/suspicious/noArrayIndexKey: their place is what they are
      <code key={index} className={css["typed"]}>
        {part}
      </code>
    ) : (
      part
    ),
  );
}
