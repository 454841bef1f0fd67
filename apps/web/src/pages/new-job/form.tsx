import type { RepositoryView } from "@slipway/protocol/repository";
import type { WorkerView } from "@slipway/protocol/worker-api";
import type { Draft } from "./draft.ts";
import { AreaField, ChoiceField, type ErrorOf, Field, SetField, TextField } from "./fields.tsx";
import { type FormImage, Images } from "./images.tsx";
import css from "./new-job.module.css";
import { CHECK_WORDS, KIND_WORDS, LANDING_WORDS, NEED_WORDS } from "./words.ts";

export interface FormProps {
  readonly draft: Draft;
  readonly set: (more: Partial<Draft>) => void;
  readonly errorOf: ErrorOf;
  readonly repositories: readonly RepositoryView[];
  readonly workers: readonly WorkerView[];
  readonly images: readonly FormImage[];
  readonly onImages: (images: readonly FormImage[]) => void;
}

/** What every job has. */
export function MainFields({ draft, set, errorOf, repositories }: FormProps) {
  return (
    <>
      <ChoiceField
        label="Repository"
        value={draft.repo}
        onChange={(repo) => set({ repo })}
        options={[
          ...(repositories.some(({ name }) => name === draft.repo) ? [] : [[draft.repo, draft.repo === "" ? "Choose one" : draft.repo] as const]),
          ...repositories.map(({ name }) => [name, name] as const),
        ]}
        error={errorOf("repo")}
      />
      <AreaField
        label="Task"
        hint="What the agent should do, in plain words."
        value={draft.task}
        onChange={(task) => set({ task })}
        rows={8}
        placeholder="Mend the failing test"
        error={errorOf("task")}
      />
      <ChoiceField
        label="Kind"
        hint={KIND_WORDS[draft.kind]}
        value={draft.kind}
        onChange={(kind) => set({ kind })}
        options={(Object.keys(KIND_WORDS) as Array<Draft["kind"]>).map((kind) => [kind, kind] as const)}
        error={errorOf("taskKind")}
      />
      <KindFields {...{ draft, set, errorOf }} />
      <AreaField
        label="Criteria"
        hint="What the change must do, one in each line: the agent is told, and a critic judges each by itself."
        value={draft.criteria}
        onChange={(criteria) => set({ criteria })}
        rows={2}
        error={errorOf("criteria")}
      />
    </>
  );
}

/** What only jobs of some kinds have. */
function KindFields({ draft, set, errorOf }: Pick<FormProps, "draft" | "set" | "errorOf">) {
  const paths = (
    <AreaField
      label="Further paths that it may change"
      hint="Globs, one in each line."
      value={draft.allowPaths}
      onChange={(allowPaths) => set({ allowPaths })}
      rows={2}
      mono
      error={errorOf("taskSpec.allowPaths")}
    />
  );
  switch (draft.kind) {
    case "develop":
      return (
        <label className={css["check"]}>
          <input type="checkbox" checked={draft.readOnly} onChange={({ target }) => set({ readOnly: target.checked })} /> Only look and answer: nothing is
          changed
        </label>
      );
    case "fix":
      return (
        <>
          <TextField
            label="Failing test"
            hint="Its name, as its runner prints it."
            value={draft.failingTest}
            onChange={(failingTest) => set({ failingTest })}
            error={errorOf("taskSpec.failingTest") ?? errorOf("taskSpec")}
          />
          <AreaField
            label="Log of the failure"
            value={draft.failureLog}
            onChange={(failureLog) => set({ failureLog })}
            rows={4}
            mono
            error={errorOf("taskSpec.failureLog")}
          />
        </>
      );
    case "test":
      return paths;
    case "research":
    case "plan":
      return (
        <>
          <TextField
            label="Document"
            hint="Its path; the repository’s folder and the title where it is empty."
            value={draft.document}
            onChange={(document) => set({ document })}
            error={errorOf("taskSpec.document")}
          />
          {paths}
        </>
      );
    case "review":
      return (
        <>
          <TextField
            label="Of job"
            hint="The job whose change is reviewed; or two commits below."
            value={draft.reviewJob}
            onChange={(reviewJob) => set({ reviewJob })}
            error={errorOf("taskSpec.review.job") ?? errorOf("taskSpec.review")}
          />
          <div className={css["pair"]}>
            <TextField
              label="From"
              value={draft.reviewBase}
              onChange={(reviewBase) => set({ reviewBase })}
              placeholder="main"
              error={errorOf("taskSpec.review.base")}
            />
            <TextField
              label="To"
              value={draft.reviewHead}
              onChange={(reviewHead) => set({ reviewHead })}
              placeholder="feature"
              error={errorOf("taskSpec.review.head")}
            />
          </div>
        </>
      );
  }
}

/** Where it starts, where it goes, who does it and for how much. */
export function WayFields({ draft, set, errorOf, repositories, workers }: FormProps) {
  const repository = repositories.find(({ name }) => name === draft.repo);
  const backends = [...new Set(workers.flatMap((worker) => worker.backends.map(({ name }) => name)))].toSorted();
  const isLanding = draft.kind !== "review" && !(draft.kind === "develop" && draft.readOnly);
  return (
    <>
      <div className={css["pair"]}>
        {draft.kind !== "review" && (
          <TextField
            label="Base"
            hint="Branch or commit to start from."
            value={draft.base}
            onChange={(base) => set({ base })}
            placeholder={repository?.defaultBranch ?? "main"}
            error={errorOf("base")}
          />
        )}
        {isLanding && (
          <ChoiceField
            label="Result"
            hint="What becomes of the change."
            value={draft.landing}
            onChange={(landing) => set({ landing })}
            options={[
              ["", "As the repository says"],
              ...(Object.keys(LANDING_WORDS) as Array<Exclude<Draft["landing"], "">>).map((mode) => [mode, LANDING_WORDS[mode]] as const),
            ]}
            error={errorOf("landing")}
          />
        )}
        {isLanding && draft.landing !== "none" && (
          <TextField
            label="Target"
            hint="Branch to land on; a new one where it is empty."
            value={draft.target}
            onChange={(target) => set({ target })}
            error={errorOf("target")}
          />
        )}
        <ChoiceField
          label="Backend"
          hint="The agent that does it."
          value={draft.backend}
          onChange={(backend) => set({ backend })}
          options={[
            ["", "As the repository says"],
            ["auto", "auto: the server chooses"],
            ...backends.map((name) => [name, name] as const),
            ...(["", "auto", ...backends].includes(draft.backend) ? [] : [[draft.backend, `${draft.backend} (no worker has it)`] as const]),
          ]}
          error={errorOf("backend")}
        />
        <TextField
          label="Budget in US dollars"
          hint="For models, all attempts together."
          value={draft.usd}
          onChange={(usd) => set({ usd })}
          inputMode="decimal"
          error={errorOf("budget.usd")}
        />
        <TextField
          label="Fallbacks"
          hint="Backends that take over, in their order."
          value={draft.fallbacks}
          onChange={(fallbacks) => set({ fallbacks })}
          placeholder={backends.slice(0, 2).join(", ")}
          error={errorOf("fallbacks")}
        />
      </div>
      {draft.backend === "auto" || draft.needs.length > 0 ? (
        <SetField
          legend="What the agent must be able to do"
          value={draft.needs}
          onChange={(needs) => set({ needs })}
          options={Object.entries(NEED_WORDS)}
          error={errorOf("needs")}
        />
      ) : (
        errorOf("needs") && (
          <strong className={css["error"]} role="alert">
            {errorOf("needs")}
          </strong>
        )
      )}
    </>
  );
}

/** What most jobs leave alone. */
export function MoreFields({ draft, set, errorOf, images, onImages }: FormProps) {
  return (
    <>
      <TextField
        label="Title"
        hint="The task’s first line where it is empty."
        value={draft.title}
        onChange={(title) => set({ title })}
        error={errorOf("title")}
      />
      <Images images={images} onChange={onImages} error={errorOf("images")} />
      <SetField
        legend="Checks that may find something"
        hint="What the job is meant to do: their findings are told, and refuse nothing."
        value={draft.allowChecks}
        onChange={(allowChecks) => set({ allowChecks })}
        options={Object.entries(CHECK_WORDS)}
        error={errorOf("allowChecks")}
      />
      <AreaField
        label="Settings of the backend"
        hint="As JSON; `slipway backends` shows which it has."
        value={draft.backendConfig}
        onChange={(backendConfig) => set({ backendConfig })}
        rows={3}
        mono
        error={errorOf("backendConfig")}
      />
      <div className={css["pair"]}>
        <TextField label="Budget in tokens" value={draft.tokens} onChange={(tokens) => set({ tokens })} inputMode="numeric" error={errorOf("budget.tokens")} />
        <TextField
          label="US dollars of one attempt"
          value={draft.attemptUsd}
          onChange={(attemptUsd) => set({ attemptUsd })}
          inputMode="decimal"
          error={errorOf("budget.attemptUsd")}
        />
        <TextField
          label="Tokens of one attempt"
          value={draft.attemptTokens}
          onChange={(attemptTokens) => set({ attemptTokens })}
          inputMode="numeric"
          error={errorOf("budget.attemptTokens")}
        />
        <ChoiceField
          label="Lane"
          value={draft.lane}
          onChange={(lane) => set({ lane })}
          options={[
            ["", "As the installation says"],
            ["interactive", "interactive"],
            ["normal", "normal"],
            ["background", "background"],
          ]}
          error={errorOf("lane")}
        />
        <TextField
          label="Priority"
          hint="Higher goes first within a lane."
          value={draft.priority}
          onChange={(priority) => set({ priority })}
          inputMode="numeric"
          error={errorOf("priority")}
        />
        <TextField
          label="Attempts at most"
          value={draft.maxAttempts}
          onChange={(maxAttempts) => set({ maxAttempts })}
          inputMode="numeric"
          error={errorOf("maxAttempts")}
        />
        <TextField
          label="Minutes of one attempt"
          value={draft.timeoutMinutes}
          onChange={(timeoutMinutes) => set({ timeoutMinutes })}
          inputMode="decimal"
          error={errorOf("timeoutMs")}
        />
        <TextField
          label="Ticket"
          hint="Such as ABC-123, for branches and pull requests."
          value={draft.ticket}
          onChange={(ticket) => set({ ticket })}
          error={errorOf("ticket")}
        />
        <Field label="Record its model calls" hint="For `slipway replay`." error={errorOf("record")}>
          {(props) => (
            <select {...props} value={draft.record} onChange={({ target }) => set({ record: target.value as Draft["record"] })}>
              <option value="">As the installation says</option>
              <option value="yes">yes</option>
              <option value="no">no</option>
            </select>
          )}
        </Field>
      </div>
    </>
  );
}
