import { useState } from "react";
import { Button } from "../../../parts/button.tsx";

/** A button that puts much text into the clipboard, made when it is asked for. */
export function CopyText({ text, what }: { text: () => string; what: string }) {
  const [said, setSaid] = useState("");
  const copy = (): void => {
    const say = (words: string): void => {
      setSaid(words);
      setTimeout(() => setSaid(""), 2_000);
    };
    navigator.clipboard.writeText(text()).then(
      () => say("Copied"),
      () => say("The browser refuses"),
    );
  };
  return (
    <Button small onClick={copy} aria-label={`Copy ${what}`}>
      <span aria-live="polite">{said || "Copy"}</span>
    </Button>
  );
}
