import { PageHead } from "../../parts/card.tsx";

export function OverviewPage() {
  return <PageHead title="Overview" />;
}
