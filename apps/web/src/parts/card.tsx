import { type ReactNode, useId } from "react";
import css from "./parts.module.css";

/** A part of a page, with its heading. `flush`: what is in it reaches its edges, as a table does; it scrolls by itself where it is too wide. */
export function Card({ title, side, flush = false, children }: { title: ReactNode; side?: ReactNode; flush?: boolean; children: ReactNode }) {
  const id = useId();
  return (
    <section className={css["card"]} aria-labelledby={id}>
      <header className={css["cardHead"]}>
        <h2 id={id}>{title}</h2>
        {side}
      </header>
      {flush ? (
        // What scrolls has to be reachable by keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        <div className={css["scroll"]} tabIndex={0}>
          {children}
        </div>
      ) : (
        <div className={css["cardBody"]}>{children}</div>
      )}
    </section>
  );
}

/** The heading of a page, and what can be done on it. */
export function PageHead({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <header className={css["pageHead"]}>
      <h1>{title}</h1>
      {children && <div>{children}</div>}
    </header>
  );
}

/** Pairs of a name and what it is. */
export function Facts({ of }: { of: ReadonlyArray<readonly [name: string, value: ReactNode]> }) {
  return (
    <dl className={css["facts"]}>
      {of.map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
