import { PageHead } from "../../parts/card.tsx";

export function NewJobPage() {
  return <PageHead title="New job" />;
}
