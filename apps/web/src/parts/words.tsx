import { Fragment } from "react";

/** A sentence of the server, with what stands in backticks as commands. */
export function Words({ text }: { text: string }) {
  return text.split(/`([^`]+)`/).map((part, at) =>
    at % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text, which stay as they are
      <code key={at}>{part}</code>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the same
      <Fragment key={at}>{part}</Fragment>
    ),
  );
}
