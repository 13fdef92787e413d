// The tools of an answer: shown while they run, with what went in and came out on demand.

import { h, icon } from "../dom";
import type { ToolRun } from "../conversation";
import { t } from "../locales";

export class ToolList {
  readonly element = h("ul", { class: "tools", hidden: true });
  #shown: ToolRun[] = [];

  show(runs: readonly ToolRun[]): void {
    for (const [index, run] of runs.entries()) {
      if (this.#shown[index] === run) continue;
      const old = this.element.children[index];
      const item = toolItem(run, old?.querySelector("details")?.open ?? false);
      if (old) old.replaceWith(item);
      else this.element.append(item);
    }
    this.#shown = [...runs];
    this.element.hidden = runs.length === 0;
  }
}

function toolItem(run: ToolRun, open: boolean): HTMLElement {
  const state = t(run.state === "running" ? "running" : run.state === "failed" ? "failed" : "done");
  const summary = h(
    "summary",
    { "aria-label": t("tool", { tool: run.tool, state }) },
    icon("tool"),
    h("span", { class: "tool-name", dir: "ltr" }, run.tool),
    run.server && h("span", { class: "tool-server", dir: "ltr" }, run.server),
    h("span", { class: "tool-state" }, run.state === "running" ? h("span", { class: "spinner" }) : icon(run.state === "failed" ? "close" : "check"), state),
    icon("chevron"),
  );
  return h(
    "li",
    {},
    h(
      "details",
      { class: `tool ${run.state}`, open },
      summary,
      part(t("arguments"), readable(run.arguments)),
      part(t("result"), readable(run.result)),
    ),
  );
}

function part(label: string, text: string | undefined): HTMLElement | undefined {
  if (!text) return undefined;
  return h("section", {}, h("h4", {}, label), h("pre", { tabindex: 0, role: "region", "aria-label": label, dir: "auto" }, text));
}

/** JSON with a line for each value; anything else as it is. */
function readable(text: string | undefined): string | undefined {
  try {
    return text && JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
