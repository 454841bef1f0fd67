import type { JobPreview } from "@slipway/protocol/preview";
import type { ReactNode } from "react";
import { Badge } from "../../parts/badge.tsx";
import { Card, Facts } from "../../parts/card.tsx";
import { duration, money, plural } from "../../parts/format.ts";
import parts from "../../parts/parts.module.css";
import css from "./new-job.module.css";
import { LANDING_WORDS } from "./words.ts";

/** What a submission would come to, as the server says. `isOld`: the form was changed since. */
export function PreviewCards({ preview, isOld }: { preview: JobPreview; isOld: boolean }) {
  return (
    <div className={css["preview"]} data-old={isOld || undefined} aria-busy={isOld}>
      <Card
        title="What it comes to"
        side={
          <span className={parts["muted"]} role="status">
            {isOld ? "Working it out …" : "As it would be now"}
          </span>
        }
      >
        <Facts of={factsOf(preview)} />
      </Card>
      <Card title={preview.gates.length === 0 ? "Gates" : plural(preview.gates.length, "gate")}>{<Gates preview={preview} />}</Card>
      <Card title="The first prompt" side={<code className={parts["muted"]}>{preview.prompt.template.name}</code>}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
        <section className={css["prompt"]} tabIndex={0} aria-label="The words of the first prompt">
          <pre>{preview.prompt.text}</pre>
        </section>
      </Card>
    </div>
  );
}

function factsOf(preview: JobPreview): Array<readonly [string, ReactNode]> {
  const { base, target, landing, backend, candidates, fallbacks, repairs, critic, checks, budget, lane, timeoutMs, maxAttempts, scope, requires } = preview;
  const errors = checks.filter(({ level, allowed }) => level === "error" && !allowed).map(({ name }) => name);
  const warnings = checks.filter(({ level, allowed }) => level === "warning" || allowed).map(({ name }) => name);
  return [
    [
      "Starts from",
      <span key="base">
        <code>{base.asked}</code> at <code>{base.oid.slice(0, 12)}</code>
      </span>,
    ],
    [
      "Result",
      target ? (
        <span key="target">
          {LANDING_WORDS[landing]}: <code>{target.isNew ? `${target.branch.slice(0, -6)}…` : target.branch}</code>
          {target.isNew && " (new)"}
        </span>
      ) : preview.readOnly ? (
        "an answer; nothing lands"
      ) : (
        LANDING_WORDS[landing]
      ),
    ],
    [
      "Backend",
      <div key="backend">
        <strong>{backend}</strong>
        {fallbacks.length > 0 && <>, then {fallbacks.join(", ")}</>}
        {candidates.length > 0 && (
          <ul className={css["reasons"]}>
            {candidates.map((candidate) => (
              <li key={candidate.backend}>
                {candidate.taken ? "" : "not "}
                {candidate.backend}: {candidate.reason}
              </li>
            ))}
          </ul>
        )}
      </div>,
    ],
    ["Budget", budgetWords(budget)],
    ["Attempts", `${maxAttempts} at most, ${duration(timeoutMs)} each; ${plural(repairs, "repair")}`],
    ["Lane", lane],
    ...(checks.length === 0
      ? []
      : [
          [
            "Checks",
            <span key="checks">
              {errors.length > 0 && <>refuse: {errors.join(", ")}</>}
              {warnings.length > 0 && (
                <>
                  {errors.length > 0 && "; "}tell: {warnings.join(", ")}
                </>
              )}
            </span>,
          ] as const,
        ]),
    ...(critic
      ? [["Critic", `${critic.critics.map(({ name, by }) => `${name} (${by})`).join(", ")}: ${critic.level}, ${critic.quorum} must approve`] as const]
      : []),
    ...(scope.allow.join() === "**" && scope.deny.length === 0
      ? []
      : [["May change", `${scope.allow.join(", ")}${scope.deny.length > 0 ? `, but not ${scope.deny.join(", ")}` : ""}`] as const]),
    ["Worker needs", requires.join(", ")],
  ];
}

function budgetWords({ usd, tokens, attemptUsd, attemptTokens }: JobPreview["budget"]): string {
  const words = [
    usd === undefined ? [] : [money(usd)],
    tokens === undefined ? [] : [`${tokens.toLocaleString("en")} tokens`],
    attemptUsd === undefined ? [] : [`${money(attemptUsd)} an attempt`],
    attemptTokens === undefined ? [] : [`${attemptTokens.toLocaleString("en")} tokens an attempt`],
  ].flat();
  return words.length === 0 ? "no limit" : words.join(", ");
}

function Gates({ preview: { gates, setup, readOnly } }: { preview: JobPreview }) {
  return (
    <ol className={css["gates"]}>
      {setup.map((command) => (
        <li key={command}>
          <Badge tone="idle">setup</Badge> <code>{command}</code>
        </li>
      ))}
      {gates.map(({ name, run, needs, paths, timeoutSeconds }) => (
        <li key={name}>
          <strong>{name}</strong> <code>{run}</code>
          <span className={parts["muted"]}>
            {needs.length > 0 && ` after ${needs.join(", ")}`}
            {paths.length > 0 && ` for ${paths.join(", ")}`} within {duration(timeoutSeconds * 1_000)}
          </span>
        </li>
      ))}
      {gates.length === 0 && (
        <li className={parts["muted"]}>
          {readOnly
            ? "None is run: nothing is changed."
            : "The repository has none: nothing is run on the change. Gates are named in `gates` of .slipway.yaml; `slipway init` proposes some."}
        </li>
      )}
    </ol>
  );
}
