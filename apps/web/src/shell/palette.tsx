import * as Ariakit from "@ariakit/react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { ask } from "../api/queries.ts";
import { useSession } from "../api/session.tsx";
import parts from "../parts/parts.module.css";
import { PLACES } from "./places.ts";
import css from "./shell.module.css";
import { useTheme } from "./theme.ts";

interface Entry {
  readonly id: string;
  readonly text: string;
  readonly side: string;
  readonly run: () => void;
}

/** Goes anywhere by typing: pages, jobs by number or words of their title, and what can be done from everywhere. */
export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Ariakit.Dialog
      open={open}
      onClose={onClose}
      aria-label="Go to a page or a job"
      className={`${parts["dialog"]} ${css["palette"]}`}
      backdrop={<div className={parts["backdrop"]} />}
      unmountOnHide
    >
      <Finder onClose={onClose} />
    </Ariakit.Dialog>
  );
}

function Finder({ onClose }: { onClose: () => void }) {
  const [value, setValue] = useState("");
  const entries = useEntries(useDeferredValue(value));
  return (
    <Ariakit.ComboboxProvider open setOpen={() => undefined} resetValueOnHide={false} setValue={setValue} focusLoop>
      <Ariakit.Combobox autoSelect="always" placeholder="Page, job number or words of a title …" aria-label="Go to" className={css["paletteInput"]} />
      <Ariakit.ComboboxList className={css["paletteList"]} alwaysVisible>
        {entries.map(({ id, text, side, run }) => (
          <Ariakit.ComboboxItem
            key={id}
            value={text}
            setValueOnClick={false}
            hideOnClick={false}
            className={css["paletteItem"]}
            onClick={() => {
              onClose();
              run();
            }}
          >
            <span>{text}</span>
            <span>{side}</span>
          </Ariakit.ComboboxItem>
        ))}
        {entries.length === 0 && <p className={parts["loading"]}>Nothing is called like that.</p>}
      </Ariakit.ComboboxList>
    </Ariakit.ComboboxProvider>
  );
}

function useEntries(text: string): Entry[] {
  const navigate = useNavigate();
  const { role } = useSession();
  const [theme, chooseTheme] = useTheme();
  const { data } = useQuery(ask("listJobs", { query: { limit: 200 } }));
  const words = text.toLowerCase().trim().split(/\s+/);
  const places = PLACES.filter((place) => place.role === undefined || role === "admin" || role === place.role).map(
    ({ to, name, key }): Entry => ({ id: to, text: name, side: `g ${key}`, run: () => void navigate({ to }) }),
  );
  const next = theme === "dark" ? "light" : "dark";
  const acts: Entry[] = [{ id: "theme", text: `Use the ${next} theme`, side: "theme", run: () => chooseTheme(next) }];
  const number = /^#?(\d+)$/.exec(text.trim())?.[1];
  const named: Entry[] =
    number === undefined
      ? []
      : [{ id: `#${number}`, text: `Job ${number}`, side: "open", run: () => void navigate({ to: "/jobs/$job", params: { job: number } }) }];
  const jobs = (data?.jobs ?? []).map(
    ({ number: job, title, state }): Entry => ({
      id: `job-${job}`,
      text: `#${job} ${title}`,
      side: state,
      run: () => void navigate({ to: "/jobs/$job", params: { job: String(job) } }),
    }),
  );
  const found = [...places, ...acts, ...jobs].filter((entry) => words.every((word) => entry.text.toLowerCase().includes(word)));
  return [...named, ...found].slice(0, 50);
}
