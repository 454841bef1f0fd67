import { PageHead } from "../../parts/card.tsx";

export function RepositoriesPage() {
  return <PageHead title="Repositories" />;
}
