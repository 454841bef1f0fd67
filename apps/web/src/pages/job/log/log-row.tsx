import { memo } from "react";
import css from "./log.module.css";
import type { LogLine } from "./log-store.ts";
import { piecesOf } from "./pieces.ts";

interface LogRowProps extends LogLine {
  /** The name of its stream stands before it. */
  readonly isNamed: boolean;
  readonly isWrapped: boolean;
  readonly pattern: RegExp | undefined;
  /** The reader came for this line, or is at it with a search. */
  readonly isMarked: boolean;
  readonly onPick: (number: number) => void;
  readonly onOpen: (line: LogLine) => void;
}

/** One line of a log. Whatever is in it becomes text of the page, and never anything else. */
export const LogRow = memo(function LogRow({ kind, text, stream, number, isNamed, isWrapped, pattern, isMarked, onPick, onOpen }: LogRowProps) {
  if (kind !== "text") return <div className={`${css["row"]} ${css[kind]}`}>{text}</div>;
  const { pieces, hidden } = piecesOf(text, pattern);
  return (
    <div className={`${css["row"]} ${isWrapped ? css["wrapped"] : ""} ${isMarked ? css["marked"] : ""}`} data-line={number}>
      <button type="button" className={css["number"]} tabIndex={-1} onClick={() => onPick(number)} aria-label={`Link to line ${number}`}>
        {number}
      </button>
      {isNamed && (
        <span className={css["stream"]} title={stream}>
          {stream}
        </span>
      )}
      <span className={css["text"]}>
        {pieces.map((piece, index) => {
          const style = {
            color: piece.isFound ? undefined : piece.color,
            backgroundColor: piece.isFound ? undefined : piece.background,
            fontWeight: piece.bold ? 700 : undefined,
            fontStyle: piece.italic ? "italic" : undefined,
            textDecoration: piece.line || undefined,
          };
          const Tag = piece.isFound ? "mark" : "span";
          return (
            // The pieces of a line that is shown do not move.
            // biome-ignore lint/suspicious/noArrayIndexKey: their place is what they are
            <Tag key={index} style={style} className={piece.dim ? css["dim"] : undefined}>
              {piece.text}
            </Tag>
          );
        })}
        {hidden > 0 && (
          <button type="button" className={css["more"]} onClick={() => onOpen({ kind, text, stream, number })}>
            … {hidden.toLocaleString("en")} more characters
          </button>
        )}
      </span>
    </div>
  );
});
