import { useEffect, useRef } from "react";
import { tinykeys } from "tinykeys";

/** Keys by what they do while something is on the screen: `j`, `g o`, `$mod+k`. Not while somebody types, unless a modifier is held. */
export function useKeys(keys: Readonly<Record<string, (event: KeyboardEvent) => void>>): void {
  const current = useRef(keys);
  current.current = keys;
  const names = Object.keys(keys).join("\n");
  useEffect(() => {
    const bound = Object.fromEntries(
      names.split("\n").map((name) => [
        name,
        (event: KeyboardEvent): void => {
          if (isTyping(event) || document.querySelector("[role=dialog]:not([hidden])")) {
            if (!name.startsWith("$mod")) return;
          }
          current.current[name]?.(event);
        },
      ]),
    );
    return tinykeys(window, bound);
  }, [names]);
}

function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/**
 * `j` and `k` move the focus through the links that carry `data-row`, as the arrow keys do in a list; Enter follows the one that has it. The browser's own
 * focus is the cursor, so that screen readers follow.
 */
export function useRowKeys(): void {
  const move = (step: number): void => {
    const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
}
