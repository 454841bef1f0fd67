import type { ButtonHTMLAttributes } from "react";
import css from "./parts.module.css";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: "primary" | "danger" | "quiet";
  readonly small?: boolean;
}

/** A button; what it does is in its words. */
export function Button({ look, small = false, className = "", type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={buttonClass({ look, small, className })} {...rest} />;
}

/** The look of a button for what is a link. */
export function buttonClass({
  look,
  small = false,
  className = "",
}: {
  look?: ButtonProps["look"] | undefined;
  small?: boolean;
  className?: string;
} = {}): string {
  return [css["button"], look && css[look], small && css["small"], className].filter(Boolean).join(" ");
}
