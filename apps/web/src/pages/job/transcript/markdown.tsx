import { Component, type ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import { LongText } from "../long-text.tsx";
import { isWebAddress } from "../web-address.ts";
import css from "./transcript.module.css";

/** What is longer is shown as it stands: laying it out would hold up the page. */
const LIMIT_CHARACTERS = 20_000;

/** Only addresses of the web become links, and they open elsewhere; pictures of others are not fetched, but named. */
const COMPONENTS: Components = {
  a: ({ href = "", children }) =>
    isWebAddress(href) ? (
      <a href={href} target="_blank" rel="noreferrer noopener" title={href}>
        {children}
      </a>
    ) : (
      <span>{children}</span>
    ),
  img: ({ alt = "", src = "" }) => (
    <span>
      [picture: {alt} {src}]
    </span>
  ),
  // Headings of others are none of this page's.
  h1: ({ children }) => <p className={css["heading"]}>{children}</p>,
  h2: ({ children }) => <p className={css["heading"]}>{children}</p>,
  h3: ({ children }) => <p className={css["heading"]}>{children}</p>,
  h4: ({ children }) => <p className={css["heading"]}>{children}</p>,
  h5: ({ children }) => <p className={css["heading"]}>{children}</p>,
  h6: ({ children }) => <p className={css["heading"]}>{children}</p>,
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
  pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
};

/** Quotes and lists in each other, deeper than anybody means it: no parser survives thousands of them. */
const DEEP = /^(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))){40}/m;

/** What an agent says, as Markdown; HTML in it is text. */
export function Markdown({ text }: { text: string }) {
  if (text.length > LIMIT_CHARACTERS || DEEP.test(text)) return <LongText text={text} />;
  return (
    <PlainWhereItFails key={text} text={text}>
      <div className={css["markdown"]}>
        <ReactMarkdown components={COMPONENTS}>{text}</ReactMarkdown>
      </div>
    </PlainWhereItFails>
  );
}

/** Other texts may be made that a parser does not survive: they are shown as they stand. */
class PlainWhereItFails extends Component<{ text: string; children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? <LongText text={this.props.text} /> : this.props.children;
  }
}
