import type { JobDetail } from "@slipway/protocol/job";
import type { JobChange } from "@slipway/protocol/job-changes";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useMay } from "../../../api/session.tsx";
import { Button } from "../../../parts/button.tsx";
import { plural } from "../../../parts/format.ts";
import { useKeys, useRowKeys } from "../../../parts/keys.ts";
import parts from "../../../parts/parts.module.css";
import { FailureNote } from "../../../parts/states.tsx";
import { type CommentActions, FindingView } from "./comments.tsx";
import css from "./diff.module.css";
import { useDrafts } from "./drafts.ts";
import { FileCard } from "./file-card.tsx";
import { FileTree } from "./file-tree.tsx";
import { type Finding, useFindings } from "./findings.ts";
import type { PatchFile } from "./parse-patch.ts";
import { type Place, placeText } from "./place.ts";
import { SendBar } from "./send.tsx";

/** Larger files are opened by the reader alone. */
const BIG_LINES = 600;
const VIEW_KEY = "slipway.diff-view";

interface FilesProps {
  readonly detail: JobDetail;
  readonly change: JobChange;
  /** The newest change, against what it was made on: the one that comments are about by themselves. */
  readonly isNewest: boolean;
  readonly files: readonly PatchFile[];
  readonly place: Place | null;
  readonly onPlace: (hash: string) => void;
}

/** The files of a change beside their tree. */
export function Files({ detail, change, isNewest, files, place, onPlace }: FilesProps) {
  const [drafts, setDrafts] = useDrafts(detail.job.id);
  const mayComment = useMay("submitter") && !detail.job.readOnly;
  const { findings, failure } = useFindings(detail, change);
  const [view, setView, isWide] = useView();
  const [filter, setFilter] = useState("");
  const [opened, setOpened] = useState<ReadonlyMap<number, boolean>>(new Map());
  const [isEditing, setEditing] = useState(false);
  const [current, setCurrent] = useState<number | null>(null);
  const wantedPath = place?.path;
  const isViewed = useMemo(
    () => new Set(files.filter((file) => drafts.viewed[file.path] !== undefined && drafts.viewed[file.path] === file.digest()).map(({ index }) => index)),
    [files, drafts.viewed],
  );
  // Typing comes before drawing.
  const wanted = useDeferredValue(filter);
  const shown = useMemo(() => files.filter(({ path, oldPath }) => isMatch(wanted, path) || (oldPath !== null && isMatch(wanted, oldPath))), [files, wanted]);
  const byPath = useMemo(() => groupBy(findings, files), [findings, files]);
  const comments = useMemo(() => Map.groupBy(drafts.comments, ({ path }) => path), [drafts.comments]);

  const onOpen = useCallback((index: number, open: boolean) => setOpened((before) => new Map(before).set(index, open)), []);
  const onViewed = useCallback(
    (index: number, viewed: boolean) => {
      const file = files[index];
      if (!file) return;
      setDrafts((before) => {
        const { [file.path]: _, ...rest } = before.viewed;
        return { ...before, viewed: viewed ? { ...rest, [file.path]: file.digest() } : rest };
      });
      setOpened((before) => new Map(before).set(index, !viewed));
    },
    [files, setDrafts],
  );
  const actions = useMemo<CommentActions | undefined>(
    () =>
      mayComment
        ? {
            add: ({ path, side, line, endLine }, text) =>
              setDrafts((before) => ({ ...before, comments: [...before.comments, { path, side, line, endLine, text, id: crypto.randomUUID() }] })),
            change: (id, text) => setDrafts((before) => ({ ...before, comments: before.comments.map((one) => (one.id === id ? { ...one, text } : one)) })),
            remove: (id) => setDrafts((before) => ({ ...before, comments: before.comments.filter((one) => one.id !== id) })),
          }
        : undefined,
    [mayComment, setDrafts],
  );
  const placing = useRef(onPlace);
  placing.current = onPlace;
  const onSelect = useCallback((to: Place) => {
    setEditing(false);
    placing.current(encodeURIComponent(placeText(to)).replaceAll("%2F", "/").replaceAll("%3A", ":"));
  }, []);
  const goTo = useCallback((file: PatchFile) => {
    setCurrent(file.index);
    const card = document.getElementById(`file-${file.index}`);
    card?.scrollIntoView({ block: "start" });
    card?.querySelector<HTMLElement>("[data-file]")?.focus({ preventScroll: true });
  }, []);
  const pick = useCallback(
    (file: PatchFile) => {
      placing.current(encodeURIComponent(file.path).replaceAll("%2F", "/"));
      goTo(file);
    },
    [goTo],
  );

  // A link to a file leads to it once; its lines bring themselves into view when they are drawn.
  const arrived = useRef(false);
  useEffect(() => {
    if (arrived.current || wantedPath === undefined) return;
    arrived.current = true;
    const file = files.find(({ path }) => path === wantedPath);
    if (file) goTo(file);
  }, [files, wantedPath, goTo]);

  const step = (by: number): void => {
    const from = focusedFile() ?? current;
    const at = shown.findIndex(({ index }) => index === from);
    const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + by, 0), shown.length - 1)];
    if (next) goTo(next);
  };
  useRowKeys();
  useKeys({
    n: () => step(1),
    p: () => step(-1),
    v: () => {
      const at = focusedFile() ?? current;
      if (at !== null) onViewed(at, !isViewed.has(at));
    },
    c: (event) => {
      if (!actions || !place) return;
      event.preventDefault();
      setEditing(true);
    },
  });

  const marksOf = (file: PatchFile) => ({
    comments: comments.get(file.path)?.length ?? 0,
    findings: byPath.get(file.path)?.length ?? 0,
    isViewed: isViewed.has(file.index),
  });
  const elsewhere = byPath.get(null) ?? [];
  const totals = files.reduce((sum, { added, removed }) => ({ added: sum.added + added, removed: sum.removed + removed }), { added: 0, removed: 0 });
  return (
    <div className={css["frame"]}>
      <div className={css["head"]}>
        <p className={css["totals"]}>
          <strong>{plural(files.length, "file")}</strong> <span className={css["plus"]}>+{totals.added.toLocaleString("en")}</span>{" "}
          <span className={css["minus"]}>−{totals.removed.toLocaleString("en")}</span>
          <span className={parts["muted"]}>
            {isViewed.size > 0 && ` · ${isViewed.size} of ${files.length} viewed`}
            {findings.length > 0 && ` · ${plural(findings.length, "finding")}`}
          </span>
        </p>
        <p className={`${css["hint"]} ${parts["muted"]}`}>
          <kbd>n</kbd> <kbd>p</kbd> files · <kbd>j</kbd> <kbd>k</kbd> lines · <kbd>v</kbd> viewed
          {actions && (
            <>
              {" "}
              · <kbd>c</kbd> comment
            </>
          )}
        </p>
        {isWide && (
          <fieldset className={css["views"]}>
            <legend className="visually-hidden">How lines are shown</legend>
            {(["split", "unified"] as const).map((name) => (
              <Button key={name} small aria-pressed={view === name} onClick={() => setView(name)}>
                {name === "split" ? "Side by side" : "Unified"}
              </Button>
            ))}
          </fieldset>
        )}
      </div>
      {failure && <FailureNote failure={failure} title="Could not load what critics and checks said." />}
      <div className={css["columns"]}>
        <nav className={css["side"]} aria-label="Changed files">
          <input
            type="search"
            className={parts["input"]}
            data-search
            placeholder="Filter files"
            aria-label="Filter files"
            value={filter}
            onChange={({ target }) => setFilter(target.value)}
          />
          {shown.length === 0 ? (
            <p className={parts["muted"]}>No file has “{filter}” in its path.</p>
          ) : (
            <FileTree files={shown} current={current} marksOf={marksOf} onPick={pick} />
          )}
        </nav>
        <div className={css["files"]}>
          {elsewhere.length > 0 && (
            <section className={css["elsewhere"]} aria-label="Findings on the whole change">
              {elsewhere.map((finding) => (
                <FindingView
                  key={finding.id}
                  finding={
                    finding.path === null ? finding : { ...finding, text: `${finding.path}${finding.line === null ? "" : `:${finding.line}`}: ${finding.text}` }
                  }
                />
              ))}
            </section>
          )}
          {shown.map((file) => {
            const isPlaced = place?.path === file.path;
            const isBig = file.lines > BIG_LINES;
            return (
              <FileCard
                key={file.index}
                file={file}
                view={view}
                comments={comments.get(file.path) ?? NOTHING}
                findings={byPath.get(file.path) ?? NOTHING}
                selected={isPlaced ? place : null}
                isEditing={isPlaced && isEditing}
                isOpen={opened.get(file.index) ?? (isPlaced || (!isBig && !isViewed.has(file.index)))}
                isBig={isBig}
                isViewed={isViewed.has(file.index)}
                actions={actions}
                onSelect={onSelect}
                onEdit={setEditing}
                onOpen={onOpen}
                onViewed={onViewed}
                onNear={setCurrent}
              />
            );
          })}
        </div>
      </div>
      {mayComment && <SendBar detail={detail} change={isNewest ? "" : change.id} drafts={drafts} setDrafts={setDrafts} />}
    </div>
  );
}

/** Where the reader is by the focus, which counts before where the screen is. */
function focusedFile(): number | null {
  const head = document.activeElement?.closest("section[id^=file-]")?.querySelector<HTMLElement>("[data-file]");
  return head ? Number(head.dataset["file"]) : null;
}

const NOTHING: readonly never[] = [];

function isMatch(filter: string, path: string): boolean {
  return path.toLowerCase().includes(filter.trim().toLowerCase());
}

/** By the path of a file of the change; null for what is about none of them. */
function groupBy(findings: readonly Finding[], files: readonly PatchFile[]): Map<string | null, Finding[]> {
  const paths = new Set(files.map(({ path }) => path));
  return Map.groupBy(findings, ({ path }) => (path !== null && paths.has(path) ? path : null));
}

/** As the reader likes it; on a narrow screen there is room for one side. */
function useView(): [view: "split" | "unified", choose: (view: "split" | "unified") => void, isWide: boolean] {
  const [chosen, setChosen] = useState<"split" | "unified">(() => (readChoice() === "unified" ? "unified" : "split"));
  const isWide = useSyncExternalStore(watchWidth, () => WIDE.matches);
  const choose = (view: "split" | "unified"): void => {
    setChosen(view);
    try {
      localStorage.setItem(VIEW_KEY, view);
    } catch {
      // Refused by the browser: it holds for this page.
    }
  };
  return [isWide ? chosen : "unified", choose, isWide];
}

const WIDE = window.matchMedia("(min-width: 900px)");

function watchWidth(listener: () => void): () => void {
  WIDE.addEventListener("change", listener);
  return () => WIDE.removeEventListener("change", listener);
}

function readChoice(): string | null {
  try {
    return localStorage.getItem(VIEW_KEY);
  } catch {
    return null;
  }
}
