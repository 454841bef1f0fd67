import { useSyncExternalStore } from "react";

/** `system`: as the machine has it. */
export type Theme = "system" | "light" | "dark";

const KEY = "slipway-theme";
const listeners = new Set<() => void>();
const dark = matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

/** Puts the theme onto the page; called before anything is drawn. */
export function applyTheme(): void {
  const theme = stored();
  document.documentElement.dataset["theme"] = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
}

dark.addEventListener("change", applyTheme);

/** The chosen theme, and how to choose another one; kept in this browser. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, stored);
  const choose = (next: Theme): void => {
    localStorage.setItem(KEY, next);
    applyTheme();
    for (const listener of listeners) listener();
  };
  return [theme, choose];
}
