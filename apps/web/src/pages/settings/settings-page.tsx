import { useMay, useSession } from "../../api/session.tsx";
import { Card, Facts, PageHead } from "../../parts/card.tsx";
import { moment } from "../../parts/format.ts";
import parts from "../../parts/parts.module.css";
import { type Theme, useTheme } from "../../shell/theme.ts";
import { ConfigCard } from "./config-card.tsx";
import css from "./settings.module.css";
import { TokensCard } from "./tokens-card.tsx";

/** Who may do what, what the server runs with, and this browser. */
export function SettingsPage() {
  const isAdmin = useMay("admin");
  return (
    <>
      <PageHead title="Settings" />
      <div className={css["page"]}>
        <BrowserCard />
        {isAdmin && <TokensCard />}
        {isAdmin && <ConfigCard />}
      </div>
    </>
  );
}

function BrowserCard() {
  const session = useSession();
  const [theme, choose] = useTheme();
  return (
    <Card title="This browser">
      <Facts
        of={[
          ["Signed in as", `${session.name} (${session.role})`],
          ["Until", session.expiresAt === null ? "the browser signs out" : moment(session.expiresAt)],
          [
            "Theme",
            <select
              key="theme"
              className={`${parts["input"]} ${css["theme"]}`}
              aria-label="Theme of this browser"
              value={theme}
              onChange={({ target }) => choose(target.value as Theme)}
            >
              <option value="system">as the system has it</option>
              <option value="light">light</option>
              <option value="dark">dark</option>
            </select>,
          ],
        ]}
      />
    </Card>
  );
}
