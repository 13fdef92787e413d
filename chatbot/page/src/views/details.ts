// Who answered, and what it took.

import { h, icon } from "../dom";
import type { Answer } from "../conversation";
import { money, number, t } from "../locales";

/** A button that shows the details, and the details; nothing when there are none. */
export function detailsOf(answer: Answer): HTMLElement[] {
  const { model, usage, seconds, cached, requestId } = answer;
  const rows: [string, string | undefined][] = [
    [t("model"), model],
    [t("tokens"), usage && t("tokenCounts", { prompt: number(usage.prompt_tokens ?? 0), completion: number(usage.completion_tokens ?? 0) })],
    [t("cost"), cached ? t("cached") : usage?.cost === undefined ? undefined : money(usage.cost)],
    [t("time"), seconds && timeOf(seconds)],
    [t("requestId"), requestId],
  ];
  const known = rows.filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "");
  if (known.length === 0) return [];
  const list = h(
    "dl",
    { class: "answer-details", hidden: true },
    ...known.flatMap(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)]),
  );
  const toggle = () => {
    list.hidden = !list.hidden;
    button.setAttribute("aria-expanded", String(!list.hidden));
  };
  const button = h(
    "button",
    { type: "button", class: "quiet-button", "aria-expanded": "false", on: { click: toggle } },
    t("details"),
    icon("chevron"),
  );
  return [button, list];
}

function timeOf({ first, all }: NonNullable<Answer["seconds"]>): string {
  return first === undefined ? t("secondsInAll", { all: number(all) }) : t("seconds", { first: number(first), all: number(all) });
}
