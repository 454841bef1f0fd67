import { PageHead } from "../../parts/card.tsx";

export function JobsPage() {
  return <PageHead title="Jobs" />;
}
