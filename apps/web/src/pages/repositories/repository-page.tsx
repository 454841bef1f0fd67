import { PageHead } from "../../parts/card.tsx";

export function RepositoryPage() {
  return <PageHead title="Repository" />;
}
