import { PageHead } from "../../parts/card.tsx";

export function SettingsPage() {
  return <PageHead title="Settings" />;
}
