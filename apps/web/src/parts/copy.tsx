import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";
import { Button } from "./button.tsx";
import css from "./parts.module.css";

/** A command or an id, and a button that puts it into the clipboard. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 2_000);
      },
      // Refused by the browser: the text is there to be selected.
      () => setCopied(false),
    );
  };
  return (
    <span className={css["copy"]}>
      <code>{text}</code>
      <Button small look="quiet" onClick={copy} aria-label={`${label}: ${text}`}>
        {copied ? <Check size={14} aria-hidden /> : <CopyIcon size={14} aria-hidden />}
        <span aria-live="polite">{copied ? "Copied" : ""}</span>
      </Button>
    </span>
  );
}
