// The conversations: begin one, find one, and what can be done with each.

import { h, icon, iconButton } from "../dom";
import type { Summary } from "../conversation";
import { t, type Word } from "../locales";
import { openMenu, type Item } from "./menu";

const DAY = 24 * 60 * 60 * 1000;

export interface SidebarActions {
  readonly begin: () => void;
  readonly settings: () => void;
  readonly menu: (conversation: Summary) => Item[];
}

export class Sidebar {
  readonly element: HTMLElement;
  readonly #actions: SidebarActions;
  readonly #search: HTMLInputElement;
  readonly #list = h("div", { class: "conversation-list" });
  #all: readonly Summary[] = [];
  #current = "";

  constructor(name: string, actions: SidebarActions) {
    this.#actions = actions;
    this.#search = h("input", {
      type: "search",
      class: "input",
      dir: "auto",
      placeholder: t("search"),
      "aria-label": t("keySearch"),
      on: { input: () => this.#draw() },
    });
    this.element = h(
      "nav",
      { class: "sidebar", id: "sidebar", "aria-label": t("conversations") },
      h("p", { class: "brand", dir: "auto" }, h("span", { class: "brand-mark", "aria-hidden": "true" }), name),
      h("button", { type: "button", class: "button begin", on: { click: actions.begin } }, icon("plus"), t("newConversation")),
      h("div", { class: "search" }, icon("search"), this.#search),
      this.#list,
      h(
        "div",
        { class: "sidebar-foot" },
        h("button", { type: "button", class: "sidebar-button", on: { click: actions.settings } }, icon("settings"), t("settings")),
      ),
    );
  }

  show(conversations: readonly Summary[], current: string): void {
    this.#all = conversations.toSorted((one, other) => other.touched - one.touched);
    this.#current = current;
    this.#draw();
  }

  focusSearch(): void {
    this.#search.focus();
  }

  #draw(): void {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#all.filter((each) => matches(each, words));
    const groups = Map.groupBy(found, ({ touched }) => ageOf(touched));
    this.#list.replaceChildren(
      ...[...groups].flatMap(([age, conversations]) => [
        h("h2", {}, t(age)),
        h("ul", {}, ...conversations.map((each) => this.#item(each))),
      ]),
      found.length === 0 ? h("p", { class: "note" }, t(this.#all.length === 0 ? "none" : "noMatch")) : "",
    );
  }

  #item(conversation: Summary): HTMLElement {
    const { id, title } = conversation;
    const more = iconButton("more", t("menu", { title }), () => openMenu(more, this.#actions.menu(conversation)), {
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    });
    const isCurrent = id === this.#current;
    return h(
      "li",
      { class: isCurrent ? "current" : undefined },
      h("a", { href: `#${encodeURIComponent(id)}`, dir: "auto", "aria-current": isCurrent ? "page" : undefined, title }, title || t("conversation")),
      more,
    );
  }
}

function matches(conversation: Summary, words: readonly string[]): boolean {
  const exchanges = conversation.exchanges?.map(({ question, answer }) => `${question} ${answer?.text ?? ""}`) ?? [];
  const text = [conversation.title, ...exchanges].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function ageOf(touched: number): Word {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (touched >= midnight) return "today";
  if (touched >= midnight - DAY) return "yesterday";
  return touched >= midnight - 7 * DAY ? "week" : "earlier";
}
