import { type ReactNode, useId } from "react";
import parts from "../../parts/parts.module.css";
import css from "./new-job.module.css";

/** What went wrong at a field: by the name that the server has for it, and all that is below it. */
export type ErrorOf = (...fields: string[]) => string | undefined;

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly children: (props: { id: string; className: string; "aria-invalid"?: true; "aria-describedby"?: string }) => ReactNode;
}

/** A label, what it is for, its control, and what is wrong with it. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const said = [hint === undefined ? "" : `${id}-hint`, error === undefined ? "" : `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className={parts["field"]}>
      <label htmlFor={id}>{label}</label>
      {hint !== undefined && <span id={`${id}-hint`}>{hint}</span>}
      {children({
        id,
        className: parts["input"] ?? "",
        ...(error === undefined ? {} : { "aria-invalid": true as const }),
        ...(said === "" ? {} : { "aria-describedby": said }),
      })}
      {error !== undefined && (
        <strong id={`${id}-error`} className={css["error"]} role="alert">
          {error}
        </strong>
      )}
    </div>
  );
}

/** A field of one line. */
export function TextField({
  value,
  onChange,
  placeholder,
  list,
  inputMode,
  ...field
}: Omit<FieldProps, "children"> & {
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  list?: string;
  inputMode?: "decimal" | "numeric";
}) {
  return (
    <Field {...field}>
      {(props) => (
        <input
          {...props}
          value={value}
          placeholder={placeholder}
          list={list}
          inputMode={inputMode}
          autoComplete="off"
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </Field>
  );
}

/** A field of several lines. */
export function AreaField({
  value,
  onChange,
  rows,
  placeholder,
  mono = false,
  ...field
}: Omit<FieldProps, "children"> & { value: string; onChange: (value: string) => void; rows: number; placeholder?: string; mono?: boolean }) {
  return (
    <Field {...field}>
      {({ className, ...props }) => (
        <textarea
          {...props}
          className={`${className} ${mono ? parts["mono"] : ""}`}
          rows={rows}
          value={value}
          placeholder={placeholder}
          spellCheck={!mono}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </Field>
  );
}

/** One of several words. */
export function ChoiceField<T extends string>({
  value,
  onChange,
  options,
  ...field
}: Omit<FieldProps, "children"> & { value: T; onChange: (value: T) => void; options: ReadonlyArray<readonly [value: T, words: string]> }) {
  return (
    <Field {...field}>
      {(props) => (
        <select {...props} value={value} onChange={({ target }) => onChange(target.value as T)}>
          {options.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Any of several words. */
export function SetField({
  legend,
  hint,
  error,
  value,
  onChange,
  options,
}: {
  legend: string;
  hint?: ReactNode;
  error?: string | undefined;
  value: readonly string[];
  onChange: (value: readonly string[]) => void;
  options: ReadonlyArray<readonly [value: string, words: string]>;
}) {
  const id = useId();
  return (
    <fieldset className={css["set"]} aria-describedby={hint === undefined ? undefined : id}>
      <legend className={parts["label"]}>{legend}</legend>
      {hint !== undefined && (
        <span id={id} className={css["hint"]}>
          {hint}
        </span>
      )}
      <div className={css["options"]}>
        {options.map(([name, words]) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={value.includes(name)}
              onChange={({ target }) => onChange(target.checked ? [...value, name] : value.filter((one) => one !== name))}
            />{" "}
            <span>
              {name} <span className={parts["muted"]}>{words}</span>
            </span>
          </label>
        ))}
      </div>
      {error !== undefined && (
        <strong className={css["error"]} role="alert">
          {error}
        </strong>
      )}
    </fieldset>
  );
}
