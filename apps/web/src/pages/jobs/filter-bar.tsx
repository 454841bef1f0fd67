import { JOB_STATES, type JobState } from "@slipway/protocol/states";
import { useQuery } from "@tanstack/react-query";
import { Search, X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { ask } from "../../api/queries.ts";
import { Button } from "../../parts/button.tsx";
import parts from "../../parts/parts.module.css";
import { type FilterName, type Filters, SINCE, statesOf } from "./filters.ts";
import css from "./jobs.module.css";

const TYPING_MS = 250;
const KINDS = [
  ["", "tasks"],
  ["develop", "develop"],
  ["review", "review"],
  ["verify", "verifications"],
  ["all", "tasks and verifications"],
] as const;

interface FilterBarProps {
  readonly filters: Filters;
  readonly onChange: (more: Filters, options?: { replace?: boolean }) => void;
  readonly onClear: () => void;
}

/** What the list shows; each choice is in the address, so that it can be sent to somebody. */
export function FilterBar({ filters, onChange, onClear }: FilterBarProps) {
  const { data: repositories } = useQuery(ask("listRepositories", {}));
  const { data: backends } = useQuery(ask("listBackends", {}));
  const { data: workers } = useQuery(ask("listWorkers", {}));
  const states = statesOf(filters);
  const toggle = (state: JobState): void => {
    const next = states.includes(state) ? states.filter((one) => one !== state) : [...states, state];
    onChange({ state: next.join(",") });
  };
  const further = (["lane", "worker", "code", "who", "kind"] as const).filter((name) => filters[name] !== undefined);
  return (
    <search className={css["filters"]} aria-label="Filters">
      <div className={css["line"]}>
        <SearchField value={filters.q ?? ""} onChange={(q) => onChange({ q }, { replace: true })} />
        <Choice
          name="repo"
          label="Repository"
          filters={filters}
          onChange={onChange}
          options={(repositories?.repositories ?? []).map(({ name }) => [name, name])}
        />
        <Choice name="backend" label="Backend" filters={filters} onChange={onChange} options={(backends?.backends ?? []).map(({ name }) => [name, name])} />
        <Choice name="since" label="Changed since" any="any time" filters={filters} onChange={onChange} options={SINCE} />
      </div>
      <div className={css["line"]}>
        <fieldset className={css["states"]}>
          <legend className="visually-hidden">States</legend>
          {JOB_STATES.map((state) => (
            <button key={state} type="button" className={css["chip"]} aria-pressed={states.includes(state)} onClick={() => toggle(state)}>
              {state}
            </button>
          ))}
        </fieldset>
        {Object.keys(filters).length > 0 && (
          <Button small look="quiet" onClick={onClear}>
            <X size={14} aria-hidden /> Clear all filters
          </Button>
        )}
      </div>
      <details className={css["further"]} open={further.length > 0}>
        <summary>More filters{further.length > 0 ? ` (${further.length} set)` : ""}</summary>
        <div className={css["line"]}>
          <Choice name="kind" label="Kind" any={null} filters={filters} onChange={onChange} options={KINDS} />
          <Choice
            name="lane"
            label="Lane"
            filters={filters}
            onChange={onChange}
            options={["interactive", "normal", "background"].map((lane) => [lane, lane] as const)}
          />
          <Choice name="worker" label="Worker" filters={filters} onChange={onChange} options={(workers?.workers ?? []).map(({ name }) => [name, name])} />
          <TextFilter name="code" label="Failure code" placeholder="GATES_FAILED" filters={filters} onChange={onChange} />
          <TextFilter name="who" label="Submitted by" placeholder="name of a token" filters={filters} onChange={onChange} />
        </div>
      </details>
    </search>
  );
}

/** The words are searched for when somebody stops typing. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // Somebody went back, or cleared all.
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div className={css["search"]}>
      <Search size={16} aria-hidden />
      <input
        type="search"
        data-search
        className={parts["input"]}
        aria-label="Search in titles, tasks and numbers"
        placeholder="Words of title or task, or a number"
        value={text}
        maxLength={200}
        onChange={({ target }) => {
          setText(target.value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => onChange(target.value.trim()), TYPING_MS);
        }}
        onKeyDown={({ key, currentTarget }) => {
          if (key === "Escape") currentTarget.blur();
          if (key !== "Enter") return;
          clearTimeout(timer.current);
          onChange(text.trim());
        }}
      />
    </div>
  );
}

interface ChoiceProps {
  readonly name: FilterName;
  readonly label: string;
  readonly filters: Filters;
  readonly onChange: (more: Filters) => void;
  readonly options: ReadonlyArray<readonly [value: string, text: string]>;
  /** What stands for no filter; null where one of the options does. */
  readonly any?: string | null;
}

function Choice({ name, label, filters, onChange, options, any = "any" }: ChoiceProps) {
  const id = useId();
  const value = filters[name] ?? "";
  return (
    <Field id={id} label={label}>
      <select id={id} className={parts["input"]} value={value} onChange={({ target }) => onChange({ [name]: target.value })}>
        {any !== null && <option value="">{any}</option>}
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
        {/* What the address says, though nothing here has it. */}
        {value !== "" && !options.some(([option]) => option === value) && <option value={value}>{value}</option>}
      </select>
    </Field>
  );
}

function TextFilter({ name, label, placeholder, filters, onChange }: Omit<ChoiceProps, "options"> & { readonly placeholder: string }) {
  const id = useId();
  const [text, setText] = useState(filters[name] ?? "");
  useEffect(() => setText(filters[name] ?? ""), [filters, name]);
  const tell = (): void => {
    if (text.trim() !== (filters[name] ?? "")) onChange({ [name]: text.trim() });
  };
  return (
    <Field id={id} label={label}>
      <input
        id={id}
        className={parts["input"]}
        placeholder={placeholder}
        value={text}
        onChange={({ target }) => setText(target.value)}
        onBlur={tell}
        onKeyDown={({ key }) => key === "Enter" && tell()}
      />
    </Field>
  );
}

function Field({ id, label, children }: { id: string; label: string; children: ReactNode }) {
  return (
    <div className={css["field"]}>
      <label htmlFor={id}>{label}</label>
      {children}
    </div>
  );
}
