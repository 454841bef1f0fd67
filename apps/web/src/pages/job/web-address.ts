/** Whether a text from outside may become a link: an absolute address of the web, and nothing that runs. */
export function isWebAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "https:" || url.protocol === "http:");
}
