/** Told where a file of a change is: near the screen, and at its top. */
export interface Watcher {
  readonly onNear: (isNear: boolean) => void;
  readonly onTop: () => void;
}

/** How far beyond the screen files are drawn already. */
const NEAR = "1200px 0px";
/** The band of the screen in which the file that is read stands. */
const TOP = "-10% 0px -80% 0px";

const watchers = new WeakMap<Element, Watcher>();
let observers: readonly [near: IntersectionObserver, top: IntersectionObserver] | undefined;

/** Watches an element, by observers that all files share: a change may have many. Answers how to stop. */
export function watchNear(element: Element, watcher: Watcher): () => void {
  observers ??= [new IntersectionObserver(tellNear, { rootMargin: NEAR }), new IntersectionObserver(tellTop, { rootMargin: TOP })];
  watchers.set(element, watcher);
  for (const observer of observers) observer.observe(element);
  return () => {
    for (const observer of observers ?? []) observer.unobserve(element);
    watchers.delete(element);
  };
}

function tellNear(entries: readonly IntersectionObserverEntry[]): void {
  for (const { target, isIntersecting } of entries) watchers.get(target)?.onNear(isIntersecting);
}

function tellTop(entries: readonly IntersectionObserverEntry[]): void {
  for (const { target, isIntersecting } of entries) if (isIntersecting) watchers.get(target)?.onTop();
}
