import { useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import parts from "../../../parts/parts.module.css";
import { CopyText } from "./copy-text.tsx";
import css from "./log.module.css";
import type { LogLine } from "./log-store.ts";
import { plainOf } from "./style.ts";

/** Of a long line as much as a browser lays out at once. */
const PAGE_CHARACTERS = 20_000;

/** A line that is too long for its row, a page at a time. */
export function LineDialog({ line, onClose }: { line: LogLine | null; onClose: () => void }) {
  return (
    <Dialog open={line !== null} onClose={onClose} title={line ? `Line ${line.number}${line.stream === "" ? "" : ` of ${line.stream}`}` : "A line"}>
      {line && <Pages key={line.number} text={plainOf(line.text)} onClose={onClose} />}
    </Dialog>
  );
}

function Pages({ text, onClose }: { text: string; onClose: () => void }) {
  const [page, setPage] = useState(0);
  const pages = Math.ceil(text.length / PAGE_CHARACTERS);
  const from = page * PAGE_CHARACTERS;
  const to = Math.min(from + PAGE_CHARACTERS, text.length);
  return (
    <>
      <p>
        Characters {(from + 1).toLocaleString("en")} to {to.toLocaleString("en")} of {text.length.toLocaleString("en")}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre className={css["long"]} tabIndex={0}>
        {text.slice(from, to)}
      </pre>
      <div className={parts["actions"]}>
        <CopyText text={() => text} what="the whole line" />
        <Button disabled={page === 0} onClick={() => setPage(page - 1)}>
          Before
        </Button>
        <Button disabled={page >= pages - 1} onClick={() => setPage(page + 1)}>
          Next
        </Button>
        <Button look="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </>
  );
}
