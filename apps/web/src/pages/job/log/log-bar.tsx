import type { ReactNode } from "react";
import { Button } from "../../../parts/button.tsx";
import parts from "../../../parts/parts.module.css";
import { CopyText } from "./copy-text.tsx";
import css from "./log.module.css";
import { FOUND_LIMIT } from "./search.ts";
import type { Found } from "./use-search.ts";

interface LogBarProps {
  readonly words: string;
  readonly setWords: (words: string) => void;
  readonly found: Found;
  readonly isWrapped: boolean;
  readonly setWrapped: (isWrapped: boolean) => void;
  readonly isFollowing: boolean;
  readonly setFollowing: (isFollowing: boolean) => void;
  readonly isLive: boolean;
  readonly toFirstError: () => void;
  readonly said: string;
  readonly choice: ReactNode;
  readonly text: () => string;
}

/** What can be done with a log. */
export function LogBar({ words, setWords, found, isWrapped, setWrapped, isFollowing, setFollowing, isLive, toFirstError, said, choice, text }: LogBarProps) {
  return (
    <div className={css["bar"]}>
      {choice}
      <input
        className={`${parts["input"]} ${css["search"]}`}
        type="search"
        data-search=""
        placeholder="Search in the log"
        aria-label="Search in the log"
        value={words}
        onChange={({ target }) => setWords(target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") found.go(event.shiftKey ? -1 : 1);
          if (event.key === "Escape") setWords("");
        }}
      />
      <span className={css["count"]} role="status">
        {words === "" ? said : countText(found)}
      </span>
      {words !== "" && (
        <>
          <Button small disabled={found.rows.length === 0} onClick={() => found.go(-1)} title="Shift N">
            Before
          </Button>
          <Button small disabled={found.rows.length === 0} onClick={() => found.go(1)} title="N">
            Next
          </Button>
        </>
      )}
      <span className={css["spacer"]} />
      <Button small onClick={toFirstError} title="Key e">
        First error
      </Button>
      <Button small aria-pressed={isWrapped} onClick={() => setWrapped(!isWrapped)} title="Key w">
        Wrap
      </Button>
      {isLive && (
        <Button small aria-pressed={isFollowing} onClick={() => setFollowing(!isFollowing)} title="Key f">
          Follow
        </Button>
      )}
      <CopyText text={text} what="all lines" />
    </div>
  );
}

function countText({ rows, at, isBusy }: Found): string {
  if (rows.length === 0) return isBusy ? "Searching …" : "Not found";
  const all = `${rows.length.toLocaleString("en")}${rows.length >= FOUND_LIMIT ? " or more" : ""}`;
  return `${(at + 1).toLocaleString("en")} of ${all} ${rows.length === 1 ? "line" : "lines"}${isBusy ? " so far" : ""}`;
}
