import { PageHead } from "../../parts/card.tsx";

export function BackendsPage() {
  return <PageHead title="Backends" />;
}
