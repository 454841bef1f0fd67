import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ApiFailure } from "../api/failure.ts";
import css from "./parts.module.css";

/** Nothing is here, and what would be, and how it gets here. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css["empty"]}>
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** Something is on its way: always with what. */
export function Loading({ what }: { what: string }) {
  return (
    <p className={css["loading"]} role="status">
      Loading {what} …
    </p>
  );
}

/** What went wrong, its code, and what to do. */
export function FailureNote({ failure, title }: { failure: Pick<ApiFailure, "code" | "message" | "hint">; title?: string }) {
  return (
    <div className={`${css["note"]} ${css["bad"]}`} role="alert">
      <strong>
        {title ?? failure.message} <code>{failure.code}</code>
      </strong>
      {title && <p>{failure.message}</p>}
      {failure.hint && <p>{failure.hint}</p>}
    </div>
  );
}

/** Something to know, in the colour of how much it matters. */
export function Note({ tone, title, children }: { tone: "ok" | "warn" | "bad" | "info"; title: ReactNode; children?: ReactNode }) {
  return (
    <div className={`${css["note"]} ${css[tone]}`} role={tone === "bad" ? "alert" : "note"}>
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/**
 * What a query knows: while nothing is known, that it loads; then what it is, whatever became of later tries, as the page says by itself that it is cut off.
 * `what` in the plural or with its article: "Loading the jobs …".
 */
export function Known<T>({ query, what, children }: { query: UseQueryResult<T, ApiFailure>; what: string; children: (data: T) => ReactNode }) {
  const { data, error } = query;
  if (data !== undefined) {
    return (
      <>
        {error && error.status !== 0 && <FailureNote failure={error} title={`Could not load ${what} anew.`} />}
        {children(data)}
      </>
    );
  }
  if (error) return <FailureNote failure={error} title={`Could not load ${what}.`} />;
  return <Loading what={what} />;
}
