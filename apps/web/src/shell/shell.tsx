import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { LogOut, Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useSession } from "../api/session.tsx";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { useKeys } from "../parts/keys.ts";
import { Connection, LostNotice } from "./connection.tsx";
import { NotifyChoice } from "./notify.tsx";
import { Palette } from "./palette.tsx";
import { PLACES } from "./places.ts";
import css from "./shell.module.css";
import { type Theme, useTheme } from "./theme.ts";

/** What stands around every page: the menu, the connection, the palette, the keys. */
export function Shell({ onSignOut }: { onSignOut: () => void }) {
  const { role } = useSession();
  const [open, setOpen] = useState<"palette" | "keys" | null>(null);
  const navigate = useNavigate();
  const places = PLACES.filter((place) => place.role === undefined || role === "admin" || role === place.role);
  useKeys({
    "$mod+k": (event) => {
      event.preventDefault();
      setOpen("palette");
    },
    "Shift+?": () => setOpen("keys"),
    "/": (event) => {
      event.preventDefault();
      const field = document.querySelector<HTMLInputElement>("[data-search]");
      if (field) field.focus();
      else setOpen("palette");
    },
    ...Object.fromEntries(places.map(({ key, to }) => [`g ${key}`, () => void navigate({ to })])),
  });
  return (
    <div className={css["frame"]}>
      <a className={css["skip"]} href="#content">
        Skip to the page
      </a>
      <aside className={css["side"]} aria-label="Menu">
        <Link to="/" className={css["brand"]} aria-label="Slipway">
          <img src="/favicon.svg" alt="" width="24" height="24" />
          <span>Slipway</span>
        </Link>
        <nav className={css["nav"]} aria-label="Pages">
          {places.map(({ to, name, icon: Icon }) => (
            <Link key={to} to={to} activeOptions={{ exact: to === "/" }}>
              <Icon size={17} aria-hidden />
              <span>{name}</span>
            </Link>
          ))}
        </nav>
        <div className={css["foot"]}>
          <span>
            <kbd>?</kbd> shows the keys
          </span>
        </div>
      </aside>
      <div className={css["main"]}>
        <header className={css["bar"]}>
          <Button className={css["search"] ?? ""} onClick={() => setOpen("palette")}>
            <span>
              <Search size={15} aria-hidden /> Go to …
            </span>
            <kbd>Ctrl K</kbd>
          </Button>
          <span className={css["spacer"]} />
          <Connection />
          <NotifyChoice />
          <ThemeChoice />
          <SignedIn onSignOut={onSignOut} />
        </header>
        <LostNotice />
        <Content />
      </div>
      <Palette open={open === "palette"} onClose={() => setOpen(null)} />
      <Dialog open={open === "keys"} onClose={() => setOpen(null)} title="Keys">
        <dl className={css["keys"]}>
          {[
            ["Ctrl K", "go to a page or a job"],
            ["/", "search on this page"],
            ["j  k", "next, previous row"],
            ["Enter", "open the row"],
            ["?", "these keys"],
          ].map(([key, does]) => (
            <KeyLine key={key} name={key ?? ""} does={does ?? ""} />
          ))}
          {places.map(({ key, name }) => (
            <KeyLine key={key} name={`g ${key}`} does={name} />
          ))}
        </dl>
      </Dialog>
    </div>
  );
}

function KeyLine({ name, does }: { name: string; does: string }) {
  return (
    <>
      <dt>
        <kbd>{name}</kbd>
      </dt>
      <dd>{does}</dd>
    </>
  );
}

/** The page itself. A new address puts the reader at its top, for screen readers too. */
function Content() {
  const ref = useRef<HTMLElement>(null);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address is what it waits for
  useEffect(() => {
    if (!isFirst.current) ref.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);
  return (
    <main id="content" className={css["content"]} ref={ref} tabIndex={-1}>
      <Outlet />
    </main>
  );
}

function ThemeChoice() {
  const [theme, choose] = useTheme();
  return (
    <select className={css["theme"]} aria-label="Theme" value={theme} onChange={({ target }) => choose(target.value as Theme)}>
      <option value="system">System theme</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}

function SignedIn({ onSignOut }: { onSignOut: () => void }) {
  const { name, role } = useSession();
  return (
    <>
      <span className={css["link"]}>
        {name} · {role}
      </span>
      <Button small look="quiet" onClick={onSignOut} aria-label="Sign out" title="Sign out">
        <LogOut size={16} aria-hidden />
      </Button>
    </>
  );
}
