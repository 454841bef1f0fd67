import type { JobDetail } from "@slipway/protocol/job";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { call } from "../../api/call.ts";
import type { ApiFailure } from "../../api/failure.ts";
import { ask, useAct } from "../../api/queries.ts";
import { useMay } from "../../api/session.tsx";
import { Button } from "../../parts/button.tsx";
import { Card, PageHead } from "../../parts/card.tsx";
import { Copy } from "../../parts/copy.tsx";
import { useKeys } from "../../parts/keys.ts";
import { Empty, FailureNote, Known, Loading, Note } from "../../parts/states.tsx";
import { type Draft, draftOfJob, draftOfSearch, EMPTY, keepDraft, type Problem, readDraft, type Submission, submissionOf } from "./draft.ts";
import type { ErrorOf } from "./fields.tsx";
import { type FormProps, MainFields, MoreFields, WayFields } from "./form.tsx";
import type { FormImage } from "./images.tsx";
import css from "./new-job.module.css";
import { PreviewCards } from "./preview.tsx";

/** How long the form has to be left alone before it is worked out anew, in ms. */
const QUIET_MS = 400;

/** A form for a job, and what it would come to. */
export function NewJobPage() {
  const search: Readonly<Record<string, unknown>> = useSearch({ strict: false });
  const from = search["from"] === undefined ? undefined : String(search["from"]);
  const repositories = useQuery(ask("listRepositories", {}));
  const workers = useQuery(ask("listWorkers", {}));
  const other = useQuery({ ...ask("getJob", { params: { job: from ?? "" } }), enabled: from !== undefined });
  const mayRead = useMay("submitter");
  if (!mayRead)
    return (
      <>
        <PageHead title="New job" />
        <Empty title="You may look, and not submit jobs.">
          <p>Sign in with the token of a submitter. Who has the admin’s token makes one:</p>
          <Copy text="slipway token create NAME --role submitter" />
        </Empty>
      </>
    );
  return (
    <>
      <PageHead title={from === undefined ? "New job" : `Job ${from} again, with changes`} />
      <Known query={repositories} what="the repositories">
        {(listed) =>
          listed.repositories.length === 0 ? (
            <Empty title="There is no repository yet.">
              <p>A job works on a repository. Register one, or submit from a checkout of it:</p>
              <Copy text="slipway repos add NAME ADDRESS" />
              <Copy text={'slipway run "…"'} />
            </Empty>
          ) : from !== undefined && other.data === undefined ? (
            other.error ? (
              <FailureNote failure={other.error} title={`Could not load job ${from}.`} />
            ) : (
              <Loading what={`job ${from}`} />
            )
          ) : (
            <NewJob
              key={from ?? ""}
              first={firstDraft(
                search,
                from === undefined ? undefined : other.data,
                listed.repositories.length === 1 ? listed.repositories[0]?.name : undefined,
              )}
              of={from === undefined ? undefined : other.data}
              repositories={listed.repositories}
              workers={workers.data?.workers ?? []}
            />
          )
        }
      </Known>
    </>
  );
}

function firstDraft(search: Readonly<Record<string, unknown>>, other: JobDetail | undefined, onlyRepository: string | undefined): Draft {
  const draft = (other && draftOfJob(other.job)) ?? draftOfSearch(search) ?? readDraft() ?? EMPTY;
  return draft.repo === "" && onlyRepository !== undefined ? { ...draft, repo: onlyRepository } : draft;
}

function NewJob({ first, of, repositories, workers }: { first: Draft; of: JobDetail | undefined } & Pick<FormProps, "repositories" | "workers">) {
  const [draft, setDraft] = useState(first);
  const [images, setImages] = useState<readonly FormImage[]>([]);
  const [tried, setTried] = useState(false);
  const submit = useAct("submitJob");
  const navigate = useNavigate();
  const form = useRef<HTMLFormElement>(null);
  const submission = useMemo(() => submissionOf(draft), [draft]);
  const body = "body" in submission ? submission.body : undefined;
  const isAsked = body !== undefined && body.repo !== "" && body.task.trim() !== "";
  const preview = usePreview(isAsked ? body : undefined);
  const problem = missing(draft, tried) ?? ("problem" in submission ? submission.problem : undefined);
  const failure = submit.error ?? (isAsked ? preview.failure : null);
  const errorOf = errorsOf(problem, failure);
  const isPlaced = failure !== null && PLACES.some((field) => errorOf(field) !== undefined);

  const set = (more: Partial<Draft>): void => {
    const next = { ...draft, ...more };
    setDraft(next);
    keepDraft(next);
    if (submit.error) submit.reset();
  };
  const send = (): void => {
    setTried(true);
    if (!isAsked || submit.isPending) return;
    const withImages = images.length === 0 ? body : { ...body, images: images.map(({ name, data }) => ({ name, data })) };
    submit.mutate(
      { body: withImages },
      {
        onSuccess: ({ job }) => {
          keepDraft(EMPTY);
          void navigate({ to: "/jobs/$job", params: { job: String(job.number) } });
        },
      },
    );
  };
  // Where something is wrong when it is sent, the reader is taken there.
  useEffect(() => {
    if (submit.error || tried) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [submit.error, tried]);
  useKeys({ "$mod+Enter": send });
  const props: FormProps = { draft, set, errorOf, repositories, workers, images, onImages: setImages };
  return (
    <div className={css["columns"]}>
      <form
        ref={form}
        className={css["form"]}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
        onKeyDown={(event: KeyboardEvent) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            event.stopPropagation();
            send();
            return;
          }
          // In a field of one line Enter alone would send what is half written.
          if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault();
        }}
      >
        {of && of.job.images.length > 0 && <Note tone="info" title={`Job ${of.job.number} had images. Choose them again, below “More”.`} />}
        <Card title="What">
          <div className={css["fields"]}>
            <MainFields {...props} />
          </div>
        </Card>
        <Card title="How">
          <div className={css["fields"]}>
            <WayFields {...props} />
          </div>
        </Card>
        <details className={css["more"]} open={hasMore(draft) || images.length > 0 || undefined}>
          <summary>More: title, images, checks, settings, limits</summary>
          <div className={css["fields"]}>
            <MoreFields {...props} />
          </div>
        </details>
        {failure && !isPlaced && <FailureNote failure={failure} />}
        <div className={css["send"]}>
          <Button look="primary" type="submit" disabled={submit.isPending}>
            {submit.isPending ? "Submitting …" : "Submit the job"} <kbd>Ctrl Enter</kbd>
          </Button>
          <Button
            onClick={() => {
              setDraft(EMPTY);
              setImages([]);
              setTried(false);
              keepDraft(EMPTY);
            }}
          >
            Start anew
          </Button>
        </div>
      </form>
      <section className={css["side"]} aria-label="Preview">
        {preview.data ? (
          <PreviewCards preview={preview.data} isOld={preview.isOld} />
        ) : (
          <Card title="Preview">
            {preview.failure ? (
              isPlaced ? (
                <Note tone="warn" title="It would be refused as it stands.">
                  <p>What to change is marked in the form.</p>
                </Note>
              ) : (
                <FailureNote failure={preview.failure} title="It would be refused." />
              )
            ) : preview.isOld && isAsked ? (
              <Loading what="the preview" />
            ) : (
              <p>
                With a repository and a task, this shows what the job would come to: its base, agent, gates, checks, budget, and the first prompt, word for
                word. Nothing is stored before you submit it.
              </p>
            )}
          </Card>
        )}
      </section>
    </div>
  );
}

/** What the server says of the form, as it stood when it was last left alone. */
function usePreview(body: Submission | undefined): { data: ReturnType<typeof usePreviewQuery>["data"]; failure: ApiFailure | null; isOld: boolean } {
  const text = body === undefined ? "" : JSON.stringify(body);
  const [asked, setAsked] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), QUIET_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const { data, error, isFetching } = usePreviewQuery(asked);
  const isOld = asked !== text || isFetching;
  return { data: asked === "" ? undefined : data, failure: isOld ? null : error, isOld };
}

function usePreviewQuery(asked: string) {
  return useQuery({
    queryKey: ["previewJob", asked],
    queryFn: async ({ signal }) => await call("previewJob", { body: JSON.parse(asked) as Submission }, signal),
    enabled: asked !== "",
    placeholderData: (before) => before,
    retry: false,
  }) as import("@tanstack/react-query").UseQueryResult<import("@slipway/protocol/preview").JobPreview, ApiFailure>;
}

function missing({ repo, task }: Draft, tried: boolean): Problem | undefined {
  if (!tried) return undefined;
  if (repo === "") return { field: "repo", message: "Choose the repository that it works on." };
  return task.trim() === "" ? { field: "task", message: "Say what the agent should do." } : undefined;
}

/** Where failures without a field of their own belong. */
const FIELD_OF_CODE: Readonly<Record<string, string>> = {
  BASE_NOT_FOUND: "base",
  BACKEND_NOT_INSTALLED: "backend",
  BACKEND_BROKEN: "backend",
  FORGE_TOKEN_MISSING: "landing",
};

const PLACES = [
  "repo",
  "task",
  "taskKind",
  "taskSpec",
  "criteria",
  "base",
  "landing",
  "target",
  "backend",
  "backendConfig",
  "needs",
  "fallbacks",
  "budget",
  "title",
  "images",
].concat(["allowChecks", "lane", "priority", "maxAttempts", "timeoutMs", "ticket", "record"]);

function errorsOf(problem: Problem | undefined, failure: ApiFailure | null): ErrorOf {
  const field = failure
    ? (failure.details["field"] ?? (failure.code === "NOT_FOUND" && failure.details["repo"] !== undefined ? "repo" : FIELD_OF_CODE[failure.code]))
    : undefined;
  const words = failure ? [failure.message, failure.hint].filter(Boolean).join(" ") : "";
  return (...fields) => {
    const isIt = (name: unknown): boolean => typeof name === "string" && fields.some((one) => name === one || name.startsWith(`${one}.`));
    if (problem && isIt(problem.field)) return problem.message;
    return isIt(field) ? words : undefined;
  };
}

/** Whether something is set that is folded away by itself. */
function hasMore(draft: Draft): boolean {
  const folded = [
    "title",
    "backendConfig",
    "tokens",
    "attemptUsd",
    "attemptTokens",
    "lane",
    "priority",
    "maxAttempts",
    "timeoutMinutes",
    "ticket",
    "record",
  ] as const;
  return folded.some((key) => draft[key] !== "") || draft.allowChecks.length > 0;
}
