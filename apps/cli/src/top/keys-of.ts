import type { Key } from "ink";

/** One key that was pressed. */
export interface Press {
  readonly input: string;
  readonly key: Pick<Key, "upArrow" | "downArrow" | "pageUp" | "pageDown" | "home" | "end" | "return" | "escape" | "backspace" | "ctrl">;
}

const NONE: Press["key"] = {
  ...{ upArrow: false, downArrow: false, pageUp: false, pageDown: false, home: false, end: false },
  ...{ return: false, escape: false, backspace: false, ctrl: false },
};

/** What came at once, key by key: of fast typing, and of what is pasted, a terminal gives several in one piece. */
export function keysOf(input: string, key: Key): Press[] {
  // Terminals differ in which of the two the key above Enter sends.
  if (input.length <= 1) return [{ input, key: { ...key, backspace: key.backspace || key.delete } }];
  return Array.from(input).flatMap((sign): Press[] => {
    if (sign === "\r" || sign === "\n") return [{ input: "", key: { ...NONE, return: true } }];
    if (sign === "\x7f" || sign === "\b") return [{ input: "", key: { ...NONE, backspace: true } }];
    if (sign === "\x03") return [{ input: "c", key: { ...NONE, ctrl: true } }];
    return sign < " " ? [] : [{ input: sign, key: NONE }];
  });
}
