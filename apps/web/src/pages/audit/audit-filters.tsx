import type { AuditedEndpoint } from "@slipway/protocol/audit";
import { useEffect, useId, useState } from "react";
import { Button } from "../../parts/button.tsx";
import parts from "../../parts/parts.module.css";
import css from "./audit.module.css";

/** As the protocol lists them, whose module would bring its schemas along; the types see to it that none is missing. */
const ACTIONS: Readonly<Record<AuditedEndpoint, true>> = {
  submitJob: true,
  cancelJob: true,
  retryJob: true,
  replayJob: true,
  steerJob: true,
  acceptJob: true,
  reviseJob: true,
  syncPullRequest: true,
  closePullRequest: true,
  createRepository: true,
  updateRepository: true,
  syncBranch: true,
  syncRepository: true,
  resolveUpstream: true,
  drainWorker: true,
  cordonWorker: true,
  uncordonWorker: true,
  resetBackend: true,
  clearFlakes: true,
  freezeTrain: true,
  resumeTrain: true,
  createToken: true,
  revokeToken: true,
  createSession: true,
  testNotifications: true,
};
const HOUR_MS = 3_600_000;
const SINCE: ReadonlyArray<readonly [value: string, text: string, ms: number]> = [
  ["1h", "the last hour", HOUR_MS],
  ["1d", "the last 24 hours", 24 * HOUR_MS],
  ["7d", "the last 7 days", 7 * 24 * HOUR_MS],
];

/** A moment in ms; what is none goes to the server as it is, which says so. */
export function sinceMs(text: string, now: number): number {
  const ms = SINCE.find(([value]) => value === text)?.[2];
  return ms === undefined ? Date.parse(text) || (text as unknown as number) : now - ms;
}

type Filters = Readonly<Record<string, string>>;

/** Which rows are shown; each choice is in the address. */
export function AuditFilters({ filters, onChange }: { filters: Filters; onChange: (next: Filters) => void }) {
  const set = (name: string, value: string): void => {
    const { [name]: _, ...others } = filters;
    onChange(value === "" ? others : { ...others, [name]: value });
  };
  return (
    <search className={css["filters"]} aria-label="Filters">
      <TextFilter label="Who" placeholder="name of a token" value={filters["who"] ?? ""} onChange={(value) => set("who", value)} isSearch />
      <TextFilter label="Job" placeholder="number" value={filters["job"] ?? ""} onChange={(value) => set("job", value)} />
      <Choice
        label="Action"
        value={filters["action"] ?? ""}
        onChange={(value) => set("action", value)}
        options={Object.keys(ACTIONS).map((action) => [action, action])}
      />
      <Choice label="Since" value={filters["since"] ?? ""} onChange={(value) => set("since", value)} options={SINCE.map(([value, text]) => [value, text])} />
      {Object.keys(filters).length > 0 && (
        <Button small look="quiet" onClick={() => onChange({})}>
          Clear all filters
        </Button>
      )}
    </search>
  );
}

interface TextFilterProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isSearch?: boolean;
}

function TextFilter({ label, placeholder, value, onChange, isSearch = false }: TextFilterProps) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const tell = (): void => {
    if (text.trim() !== value) onChange(text.trim());
  };
  return (
    <div className={css["field"]}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className={parts["input"]}
        placeholder={placeholder}
        value={text}
        {...(isSearch ? { "data-search": true } : {})}
        onChange={({ target }) => setText(target.value)}
        onBlur={tell}
        onKeyDown={({ key }) => key === "Enter" && tell()}
      />
    </div>
  );
}

function Choice({
  label,
  value,
  onChange,
  options,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: ReadonlyArray<readonly [string, string]>;
}) {
  const id = useId();
  return (
    <div className={css["field"]}>
      <label htmlFor={id}>{label}</label>
      <select id={id} className={parts["input"]} value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">any</option>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
        {value !== "" && !options.some(([option]) => option === value) && <option value={value}>{value}</option>}
      </select>
    </div>
  );
}
