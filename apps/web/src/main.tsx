import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { applyTheme } from "./shell/theme.ts";
import "./styles/base.css";

applyTheme();
const root = document.getElementById("root");
if (!root) throw new TypeError("the page has no root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
