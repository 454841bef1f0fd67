import { ChevronDown, ChevronRight, MessageSquarePlus } from "lucide-react";
import { memo, useEffect, useRef, useState } from "react";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { CommentEditor, CommentView, FindingView } from "./comments.tsx";
import css from "./diff.module.css";
import { FileBody, type FileBodyProps } from "./file-body.tsx";
import { Counts, Letter } from "./file-tree.tsx";
import { watchNear } from "./near.ts";

/** Of a line, in pixels: what a file takes before it was drawn. */
const LINE_HEIGHT = 20;

interface FileCardProps extends FileBodyProps {
  readonly isOpen: boolean;
  readonly isViewed: boolean;
  /** Larger than what is opened by itself. */
  readonly isBig: boolean;
  readonly onOpen: (index: number, open: boolean) => void;
  readonly onViewed: (index: number, viewed: boolean) => void;
  readonly onNear: (index: number) => void;
}

/** A file of the change. Its lines are drawn while it is near the screen; what it took stays free while it is not. */
export const FileCard = memo(function FileCard(props: FileCardProps) {
  const { file, isOpen, isViewed, isBig, selected, isEditing, actions, comments, findings, onOpen, onViewed, onSelect, onEdit, onNear } = props;
  const ref = useRef<HTMLElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const [isNear, setNear] = useState(false);
  const height = useRef(file.lines * LINE_HEIGHT + 40);
  const { index, path } = file;
  useEffect(() => {
    const card = ref.current;
    if (!card) return;
    return watchNear(card, {
      onNear: (now) => {
        // What somebody writes in stays.
        if (!now && card.contains(document.activeElement) && document.activeElement instanceof HTMLTextAreaElement) return;
        if (!now && body.current) height.current = body.current.offsetHeight;
        setNear(now);
      },
      onTop: () => onNear(index),
    });
  }, [index, onNear]);
  const whole = { path, side: "new" as const, line: null, endLine: null };
  const ofFile = comments.filter(({ line }) => line === null);
  const Icon = isOpen ? ChevronDown : ChevronRight;
  return (
    <section ref={ref} id={`file-${index}`} className={css["file"]} aria-label={path}>
      <header className={css["fileHead"]}>
        <button type="button" className={css["fold"]} aria-expanded={isOpen} onClick={() => onOpen(index, !isOpen)} data-file={index}>
          <Icon size={16} aria-hidden />
          <Letter kind={file.kind} />
          <span className={css["path"]}>
            {file.oldPath !== null && <span className={css["oldPath"]}>{file.oldPath} → </span>}
            {path}
          </span>
        </button>
        {file.mode !== null && <Badge tone="warn">mode {file.mode}</Badge>}
        {file.special !== null && <Badge tone="warn">{file.special}</Badge>}
        <Counts file={file} />
        {actions && (
          <Button
            small
            look="quiet"
            aria-label={`Comment on ${path}`}
            title="Comment on the file"
            onClick={() => {
              onSelect(whole);
              onEdit(true);
            }}
          >
            <MessageSquarePlus size={15} aria-hidden />
          </Button>
        )}
        <label className={css["viewed"]}>
          <input type="checkbox" checked={isViewed} onChange={({ target }) => onViewed(index, target.checked)} /> Viewed
        </label>
      </header>
      {findings
        .filter(({ line }) => line === null)
        .map((finding) => (
          <FindingView key={finding.id} finding={finding} />
        ))}
      {actions && ofFile.map((comment) => <CommentView key={comment.id} comment={comment} actions={actions} />)}
      {actions && isEditing && selected?.line === null && (
        <CommentEditor
          place={selected}
          onClose={() => onEdit(false)}
          onKeep={(text) => {
            actions.add(selected, text);
            onEdit(false);
          }}
        />
      )}
      {isOpen ? (
        isNear ? (
          <div ref={body}>
            <FileBody {...props} />
          </div>
        ) : (
          <div style={{ height: height.current }} />
        )
      ) : (
        isBig &&
        !isViewed && (
          <p className={css["nothing"]}>
            <Button small onClick={() => onOpen(index, true)}>
              Show {file.lines.toLocaleString("en")} lines
            </Button>
          </p>
        )
      )}
    </section>
  );
});
