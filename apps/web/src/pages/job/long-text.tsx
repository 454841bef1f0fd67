import { useState } from "react";
import { Button } from "../../parts/button.tsx";
import css from "./job.module.css";

const SHOWN_CHARACTERS = 1_500;
const SHOWN_LINES = 15;

/** A text of somebody, with its line breaks; a long one is folded. */
export function LongText({ text, isCode = false }: { text: string; isCode?: boolean }) {
  const [open, setOpen] = useState(false);
  const short = text.split("\n").slice(0, SHOWN_LINES).join("\n").slice(0, SHOWN_CHARACTERS);
  const isLong = short.length < text.length;
  return (
    <div>
      <div className={isCode ? css["code"] : css["said"]}>
        {open || !isLong ? text : short.toWellFormed()}
        {!open && isLong && " …"}
      </div>
      {isLong && (
        <Button small look="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Show less" : `Show all ${text.length.toLocaleString("en")} characters`}
        </Button>
      )}
    </div>
  );
}
