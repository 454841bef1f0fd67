import { ChevronDown, ChevronRight, MessageSquare, TriangleAlert } from "lucide-react";
import { memo, useMemo, useState } from "react";
import css from "./diff.module.css";
import type { PatchFile } from "./parse-patch.ts";

/** What is marked on a file of the tree. */
export interface FileMarks {
  readonly comments: number;
  readonly findings: number;
  readonly isViewed: boolean;
}

interface Folder {
  readonly name: string;
  readonly path: string;
  readonly folders: Map<string, Folder>;
  readonly files: PatchFile[];
}

/** The changed files by their folders, with what is changed in each; a click goes there. */
export const FileTree = memo(function FileTree({
  files,
  current,
  marksOf,
  onPick,
}: {
  files: readonly PatchFile[];
  current: number | null;
  marksOf: (file: PatchFile) => FileMarks;
  onPick: (file: PatchFile) => void;
}) {
  const root = useMemo(() => foldersOf(files), [files]);
  return (
    <ul className={css["tree"]}>
      <Entries folder={root} depth={0} {...{ current, marksOf, onPick }} />
    </ul>
  );
});

interface EntriesProps {
  readonly folder: Folder;
  readonly depth: number;
  readonly current: number | null;
  readonly marksOf: (file: PatchFile) => FileMarks;
  readonly onPick: (file: PatchFile) => void;
}

function Entries({ folder, depth, ...rest }: EntriesProps) {
  return (
    <>
      {[...folder.folders.values()].map((inner) => (
        <FolderEntry key={inner.path} folder={inner} depth={depth} {...rest} />
      ))}
      {folder.files.map((file) => (
        <FileEntry key={file.index} file={file} depth={depth} isCurrent={rest.current === file.index} marks={rest.marksOf(file)} onPick={rest.onPick} />
      ))}
    </>
  );
}

function FolderEntry({ folder, depth, ...rest }: EntriesProps) {
  const [open, setOpen] = useState(true);
  const Icon = open ? ChevronDown : ChevronRight;
  return (
    <li>
      <button
        type="button"
        className={css["folder"]}
        style={{ paddingInlineStart: `${depth * 0.75 + 0.25}rem` }}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon size={14} aria-hidden />
        <span>{folder.name}</span>
      </button>
      {open && (
        <ul>
          <Entries folder={folder} depth={depth + 1} {...rest} />
        </ul>
      )}
    </li>
  );
}

interface FileEntryProps {
  readonly file: PatchFile;
  readonly depth: number;
  readonly isCurrent: boolean;
  readonly marks: FileMarks;
  readonly onPick: (file: PatchFile) => void;
}

const FileEntry = memo(function FileEntry({ file, depth, isCurrent, marks: { comments, findings, isViewed }, onPick }: FileEntryProps) {
  const name = file.path.slice(file.path.lastIndexOf("/") + 1);
  return (
    <li>
      <a
        className={css["entry"]}
        href={`#${encodeURIComponent(file.path)}`}
        style={{ paddingInlineStart: `${depth * 0.75 + 0.35}rem` }}
        aria-current={isCurrent ? "true" : undefined}
        data-viewed={isViewed || undefined}
        title={file.oldPath === null ? file.path : `${file.oldPath} → ${file.path}`}
        onClick={(event) => {
          event.preventDefault();
          onPick(file);
        }}
      >
        <Letter kind={file.kind} />
        <span className={css["entryName"]}>{name}</span>
        {findings > 0 && (
          <span className={css["mark"]} title={`${findings} findings`}>
            <TriangleAlert size={13} aria-hidden />
            <span>{findings}</span>
            <span className="visually-hidden">findings</span>
          </span>
        )}
        {comments > 0 && (
          <span className={css["mark"]} title={`${comments} comments`}>
            <MessageSquare size={13} aria-hidden />
            <span>{comments}</span>
            <span className="visually-hidden">comments</span>
          </span>
        )}
        <Counts file={file} />
      </a>
    </li>
  );
}, isSame);

/** Marks are counted anew each time, and mostly the same. */
function isSame(before: FileEntryProps, after: FileEntryProps): boolean {
  const marks = (["comments", "findings", "isViewed"] as const).every((key) => before.marks[key] === after.marks[key]);
  return marks && before.file === after.file && before.isCurrent === after.isCurrent && before.depth === after.depth && before.onPick === after.onPick;
}

const LETTERS: Readonly<Record<PatchFile["kind"], string>> = { added: "A", deleted: "D", modified: "M", renamed: "R", copied: "C" };

/** What became of a file, as git's letter; the word for those who do not see it. */
export function Letter({ kind }: { kind: PatchFile["kind"] }) {
  return (
    <span className={`${css["letter"]} ${css[kind]}`} title={kind}>
      <span aria-hidden>{LETTERS[kind]}</span>
      <span className="visually-hidden">{kind}</span>
    </span>
  );
}

/** Lines in and out. */
export function Counts({ file: { isBinary, added, removed } }: { file: Pick<PatchFile, "isBinary" | "added" | "removed"> }) {
  if (isBinary) return <span className={css["counts"]}>binary</span>;
  return (
    <span className={css["counts"]}>
      <span className={css["plus"]}>+{added}</span> <span className={css["minus"]}>−{removed}</span>
    </span>
  );
}

/** Folders with one folder in them and nothing else are one. */
function foldersOf(files: readonly PatchFile[]): Folder {
  const root: Folder = { name: "", path: "", folders: new Map(), files: [] };
  for (const file of files) {
    let folder = root;
    const names = file.path.split("/");
    for (const name of names.slice(0, -1)) {
      const path = folder.path === "" ? name : `${folder.path}/${name}`;
      const inner = folder.folders.get(name) ?? { name, path, folders: new Map(), files: [] };
      folder.folders.set(name, inner);
      folder = inner;
    }
    folder.files.push(file);
  }
  return joined(root, true);
}

function joined(folder: Folder, isRoot = false): Folder {
  const folders = new Map([...folder.folders].map(([name, inner]) => [name, joined(inner)]));
  const [only] = folders.values();
  if (!isRoot && only && folders.size === 1 && folder.files.length === 0) return { ...only, name: `${folder.name}/${only.name}` };
  return { ...folder, folders };
}
