import { PageHead } from "../../parts/card.tsx";

export function JobPage() {
  return <PageHead title="Job" />;
}
