import { MessageSquarePlus } from "lucide-react";
import { memo, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { type ChangeData, Diff, getChangeKey, Hunk, type HunkData, markEdits, tokenize } from "react-diff-view";
import { Button } from "../../../parts/button.tsx";
import { Copy } from "../../../parts/copy.tsx";
import { type CommentActions, CommentEditor, CommentView, FindingView } from "./comments.tsx";
import css from "./diff.module.css";
import type { DraftComment } from "./drafts.ts";
import type { Finding } from "./findings.ts";
import type { DiffType, PatchFile } from "./parse-patch.ts";
import { numberOn, type Place, placeText, placeWords, sideOf } from "./place.ts";

/** Lines that are drawn at once; a button draws as many more. */
const LINES_AT_ONCE = 1_500;
/** Longer lines are cut: nobody reads them, and browsers choke on them. */
const LINE_LIMIT_CHARACTERS = 2_000;
/** Beyond that no single words are marked. */
const MARKED_LINES = 1_200;

export interface FileBodyProps {
  readonly file: PatchFile;
  readonly view: "split" | "unified";
  readonly comments: readonly DraftComment[];
  readonly findings: readonly Finding[];
  /** The place of the address, where it is in this file. */
  readonly selected: Place | null;
  readonly isEditing: boolean;
  readonly actions: CommentActions | undefined;
  readonly onSelect: (place: Place) => void;
  readonly onEdit: (editing: boolean) => void;
}

/** The lines of a file, with what was said of them. */
export const FileBody = memo(function FileBody(props: FileBodyProps) {
  const { file, view, selected, onSelect } = props;
  const all = useMemo(() => shortened(file.hunks()), [file]);
  const [limit, setLimit] = useState(LINES_AT_ONCE);
  const wanted = selected?.line ? Math.max(limit, indexOf(all, selected) + 200) : limit;
  const hunks = useMemo(() => firstLines(all, wanted), [all, wanted]);
  // Words are marked where lines stand against others.
  const isOneSided = file.kind === "added" || file.kind === "deleted";
  const tokens = useMemo(
    () => (isOneSided || file.lines > MARKED_LINES ? null : tokenize(hunks, { enhancers: [markEdits(hunks, { type: "block" })] })),
    [hunks, file, isOneSided],
  );
  const keys = useMemo(() => (selected ? keysOf(hunks, selected) : []), [hunks, selected]);
  const widgets = widgetsOf(hunks, keys, props);
  const ref = useRef<HTMLDivElement>(null);
  const first = keys[0];
  const isShown = useRef(false);
  useEffect(() => {
    // A link leads to its line once; a click on a line is there already.
    if (isShown.current) return;
    isShown.current = true;
    if (first !== undefined) ref.current?.querySelector(`[data-change-key="${first}"]`)?.scrollIntoView({ block: "center" });
  }, [first]);
  const pick = (change: ChangeData, side: "new" | "old", isRange: boolean): void => {
    const line = numberOn(change, side);
    if (line === null) return;
    const from = isRange && selected?.line && selected.side === side ? selected.line : line;
    onSelect({ path: file.path, side, line: Math.min(from, line), endLine: from === line ? null : Math.max(from, line) });
  };
  // Where there is one side alone, it is drawn alone.
  const columns = isOneSided ? 2 : view === "split" ? 4 : 3;
  const astray = astrayIn(hunks, props);
  if (file.lines === 0) return <p className={css["nothing"]}>{emptyText(file)}</p>;
  return (
    <div ref={ref} className={css["code"]}>
      {astray}
      <Diff
        viewType={view}
        diffType={DIFF_TYPES[file.kind]}
        hunks={hunks}
        tokens={tokens}
        widgets={widgets}
        selectedChanges={keys}
        optimizeSelection
        className={css["table"] ?? ""}
        renderGutter={({ change, side }) => <LineNumber change={change} side={side} onPick={pick} />}
      >
        {(shown) =>
          shown.flatMap((hunk) => [
            <HunkHead key={`head-${hunk.content}`} hunk={hunk} columns={columns} />,
            <Hunk key={`${hunk.content}-${hunk.changes.length}`} hunk={hunk} />,
          ])
        }
      </Diff>
      {wanted < file.lines && (
        <p className={css["nothing"]}>
          <Button small onClick={() => setLimit(wanted + LINES_AT_ONCE)}>
            Show {Math.min(LINES_AT_ONCE, file.lines - wanted).toLocaleString("en")} of {(file.lines - wanted).toLocaleString("en")} more lines
          </Button>
        </p>
      )}
    </div>
  );
});

const DIFF_TYPES: Readonly<Record<PatchFile["kind"], DiffType>> = { added: "add", deleted: "delete", modified: "modify", renamed: "rename", copied: "copy" };

function emptyText({ isBinary, kind, mode }: PatchFile): string {
  if (isBinary) return "A binary file: nothing of it can be shown here. `slipway fetch` brings it to you.";
  if (kind === "renamed" || kind === "copied") return `The file was ${kind}, and nothing in it is changed.`;
  if (mode !== null) return "Its mode alone is changed.";
  return kind === "added" ? "An empty file." : "Nothing of its lines is changed.";
}

/** A number is where a line is picked: for a link, or to comment on it. Only one of a row is a step of j and k. */
function LineNumber({
  change,
  side,
  onPick,
}: {
  change: ChangeData;
  side: "new" | "old";
  onPick: (change: ChangeData, side: "new" | "old", isRange: boolean) => void;
}) {
  const number = numberOn(change, side);
  if (number === null) return null;
  return (
    <button
      type="button"
      tabIndex={-1}
      className={css["number"]}
      data-row={side === sideOf(change) ? "" : undefined}
      aria-label={`${change.type === "insert" ? "added " : change.type === "delete" ? "removed " : ""}line ${number}`}
      onClick={(event) => onPick(change, side, event.shiftKey)}
    >
      {number}
    </button>
  );
}

function HunkHead({ hunk, columns }: { hunk: HunkData; columns: number }) {
  const context = /^@@.*?@@ ?(.*)$/.exec(hunk.content)?.[1] ?? "";
  const [start, lines, what] = hunk.newLines > 0 ? [hunk.newStart, hunk.newLines, "Lines"] : [hunk.oldStart, hunk.oldLines, "Removed lines"];
  return (
    <tbody className={css["hunkHead"]}>
      <tr>
        <td colSpan={columns}>
          {lines === 1 ? `${what.replace(/s$/, "")} ${start}` : `${what} ${start} to ${start + lines - 1}`}
          {context !== "" && <span> · {context}</span>}
        </td>
      </tr>
    </tbody>
  );
}

/** Below the last line that each is about. */
function widgetsOf(hunks: readonly HunkData[], keys: readonly string[], props: FileBodyProps): Record<string, ReactNode> {
  const { comments, findings, selected, isEditing, actions, onEdit } = props;
  const under = new Map<string, ReactNode[]>();
  const put = (key: string | undefined, node: ReactNode): void => {
    if (key !== undefined) under.set(key, [...(under.get(key) ?? []), node]);
  };
  for (const finding of findings) {
    if (finding.line === null) continue;
    put(keysOf(hunks, { path: "", side: "new", line: finding.line, endLine: null })[0], <FindingView key={finding.id} finding={finding} />);
  }
  if (actions)
    for (const comment of comments)
      if (comment.line !== null) put(keysOf(hunks, comment).at(-1), <CommentView key={comment.id} comment={comment} actions={actions} />);
  if (selected?.line) {
    const bar =
      isEditing && actions ? (
        <CommentEditor
          key="editor"
          place={selected}
          onClose={() => onEdit(false)}
          onKeep={(text) => {
            actions.add(selected, text);
            onEdit(false);
          }}
        />
      ) : (
        <PlaceBar key="bar" place={selected} onEdit={actions ? () => onEdit(true) : undefined} />
      );
    put(keys.at(-1), bar);
  }
  return Object.fromEntries([...under].map(([key, nodes]) => [key, <div key={key}>{nodes}</div>]));
}

/** What was said of lines that are not shown, with these in words. */
function astrayIn(hunks: readonly HunkData[], { comments, findings, actions }: FileBodyProps): ReactNode[] {
  const isAstray = (place: Place): boolean => place.line !== null && keysOf(hunks, place).length === 0;
  const found = findings.filter(({ line }) => isAstray({ path: "", side: "new", line, endLine: null }));
  return [
    ...found.map((finding) => <FindingView key={finding.id} finding={{ ...finding, text: `Line ${finding.line}: ${finding.text}` }} />),
    ...(actions ? comments.filter(isAstray).map((comment) => <CommentView key={comment.id} comment={comment} actions={actions} />) : []),
  ];
}

function PlaceBar({ place, onEdit }: { place: Place; onEdit: (() => void) | undefined }) {
  return (
    <div className={css["placeBar"]}>
      {onEdit && (
        <Button small onClick={onEdit}>
          <MessageSquarePlus size={14} aria-hidden /> Comment on {placeWords(place)} <kbd>c</kbd>
        </Button>
      )}
      <Copy text={placeText(place)} label="Copy the place" />
      <span>Shift and a click on another number take the lines between.</span>
    </div>
  );
}

function keysOf(hunks: readonly HunkData[], { side, line, endLine }: Place): string[] {
  if (line === null) return [];
  const last = endLine ?? line;
  return hunks.flatMap(({ changes }) =>
    changes.flatMap((change) => {
      const number = numberOn(change, side);
      return number !== null && number >= line && number <= last ? [getChangeKey(change)] : [];
    }),
  );
}

/** Place of a line among all that are shown; before the first where it is not shown. */
function indexOf(hunks: readonly HunkData[], { side, line }: Place): number {
  return hunks.flatMap(({ changes }) => changes).findIndex((change) => numberOn(change, side) === line);
}

function firstLines(hunks: readonly HunkData[], limit: number): HunkData[] {
  let left = limit;
  const shown: HunkData[] = [];
  for (const hunk of hunks) {
    if (left <= 0) break;
    shown.push(hunk.changes.length <= left ? hunk : { ...hunk, changes: hunk.changes.slice(0, left) });
    left -= hunk.changes.length;
  }
  return shown;
}

function shortened(hunks: HunkData[]): HunkData[] {
  for (const { changes } of hunks) {
    for (const change of changes) {
      const { content } = change;
      if (content.length > LINE_LIMIT_CHARACTERS)
        change.content = `${content.slice(0, LINE_LIMIT_CHARACTERS)} … ${content.length - LINE_LIMIT_CHARACTERS} more characters`;
    }
  }
  return hunks;
}
