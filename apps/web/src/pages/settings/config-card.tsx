import { useQuery } from "@tanstack/react-query";
import { ask } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card, Facts } from "../../parts/card.tsx";
import { Known } from "../../parts/states.tsx";
import css from "./settings.module.css";

/** What the server runs with, and where each value came from, as `slipway config` tells it of where it is typed. */
export function ConfigCard() {
  const query = useQuery(ask("showConfig", {}));
  return (
    <Card title="What the server runs with">
      <Known query={query} what="the configuration">
        {({ version, data, url, values, secrets }) => (
          <div className={css["body"]}>
            <Facts
              of={[
                ["Version", version],
                ["Address", url],
                ["Data folder", data],
              ]}
            />
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
            <section className={css["scroll"]} tabIndex={0} aria-label="Values of the configuration">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Key</th>
                    <th scope="col">Value</th>
                    <th scope="col">From</th>
                  </tr>
                </thead>
                <tbody>
                  {values.map(({ key, value, from }) => (
                    <tr key={key}>
                      <td>
                        <code>{key}</code>
                      </td>
                      <td>{valueText(value)}</td>
                      <td className={from === "default" ? css["muted"] : undefined}>{from}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
            <p className={css["muted"]}>
              These are set in <code>slipway.yaml</code>, by variables or options, and read when the server starts. <code>slipway config</code> shows those of
              workers and commands.
            </p>
            {secrets.length > 0 && (
              <>
                <h3>Secrets</h3>
                <ul className={css["secrets"]}>
                  {secrets.map(({ name, there, where }) => (
                    <li key={name}>
                      <Badge tone={there ? "ok" : "bad"}>{there ? "there" : "missing"}</Badge> <code>{name}</code> <span className={css["muted"]}>{where}</span>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        )}
      </Known>
    </Card>
  );
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return "not set";
  return typeof value === "string" ? value : JSON.stringify(value);
}
