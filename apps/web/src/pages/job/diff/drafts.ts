import { useCallback, useSyncExternalStore } from "react";
import type { Place } from "./place.ts";

/** A comment that was not sent yet. */
export interface DraftComment extends Place {
  readonly id: string;
  readonly text: string;
}

/** What somebody has written on a job's change, in this browser, until it is sent. */
export interface Drafts {
  readonly note: string;
  readonly comments: readonly DraftComment[];
  /** Files that were looked at, by path, each with the digest of its lines that were looked at. */
  readonly viewed: Readonly<Record<string, string>>;
}

const NONE: Drafts = { note: "", comments: [], viewed: {} };
/** Told by every change here; other tabs are told by the browser. */
const listeners = new Set<() => void>();
const parsed = new Map<string, { text: string | null; drafts: Drafts }>();

function keyOf(job: string): string {
  return `slipway.review.${job}`;
}

function read(job: string): Drafts {
  const text = stored(job);
  const known = parsed.get(job);
  // The same object as long as nothing changed, or React would draw for ever.
  if (known && known.text === text) return known.drafts;
  const drafts = text === null ? NONE : parse(text);
  parsed.set(job, { text, drafts });
  return drafts;
}

function stored(job: string): string | null {
  try {
    return localStorage.getItem(keyOf(job));
  } catch {
    // Refused by the browser: what is written lives as long as the page.
    return memory.get(job) ?? null;
  }
}

const memory = new Map<string, string>();

function parse(text: string): Drafts {
  try {
    const value = JSON.parse(text) as Partial<Drafts>;
    return { note: value.note ?? "", comments: value.comments ?? [], viewed: value.viewed ?? {} };
  } catch {
    return NONE;
  }
}

function write(job: string, drafts: Drafts): void {
  const text = JSON.stringify(drafts);
  try {
    if (drafts.note === "" && drafts.comments.length === 0 && Object.keys(drafts.viewed).length === 0) localStorage.removeItem(keyOf(job));
    else localStorage.setItem(keyOf(job), text);
  } catch {
    memory.set(job, text);
  }
  for (const tell of listeners) tell();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}

/** The drafts on one job, and how to change them. */
export function useDrafts(job: string): [drafts: Drafts, change: (next: (drafts: Drafts) => Drafts) => void] {
  const drafts = useSyncExternalStore(
    subscribe,
    useCallback(() => read(job), [job]),
  );
  const change = useCallback((next: (drafts: Drafts) => Drafts) => write(job, next(read(job))), [job]);
  return [drafts, change];
}
