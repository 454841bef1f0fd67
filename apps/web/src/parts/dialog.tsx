import * as Ariakit from "@ariakit/react";
import type { ReactNode } from "react";
import type { ApiFailure } from "../api/failure.ts";
import { Button } from "./button.tsx";
import css from "./parts.module.css";
import { FailureNote } from "./states.tsx";

/** A window above the page; Escape and a click outside close it. */
export function Dialog({ open, onClose, title, children }: { open: boolean; onClose: () => void; title: string; children: ReactNode }) {
  return (
    <Ariakit.Dialog open={open} onClose={onClose} className={css["dialog"]} backdrop={<div className={css["backdrop"]} />} unmountOnHide>
      <Ariakit.DialogHeading render={(props) => <h2 {...props}>{title}</h2>} />
      {children}
    </Ariakit.Dialog>
  );
}

interface ConfirmProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  /** What it does, as a verb: never OK. */
  readonly verb: string;
  readonly danger?: boolean;
  readonly busy?: boolean;
  readonly failure?: ApiFailure | null;
  readonly onConfirm: () => void;
  readonly children: ReactNode;
}

/** Asks before something that cannot be taken back, and stays open with the reason where it fails. */
export function Confirm({ open, onClose, title, verb, danger = false, busy = false, failure, onConfirm, children }: ConfirmProps) {
  return (
    <Dialog open={open} onClose={onClose} title={title}>
      <div>{children}</div>
      {failure && <FailureNote failure={failure} />}
      <div className={css["actions"]}>
        <Button onClick={onClose}>Back</Button>
        <Button look={danger ? "danger" : "primary"} onClick={onConfirm} disabled={busy}>
          {busy ? `${verb} …` : verb}
        </Button>
      </div>
    </Dialog>
  );
}
