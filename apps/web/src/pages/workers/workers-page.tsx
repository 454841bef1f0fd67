import { PageHead } from "../../parts/card.tsx";

export function WorkersPage() {
  return <PageHead title="Workers" />;
}
