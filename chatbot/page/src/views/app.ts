// The page once its user has been admitted: conversations beside, the one that is open, and where to write.

import type { Api, Config } from "../api";
import { signInForm } from "./sign-in";
import type { Session } from "../access/session";
import type { Conversation, Summary } from "../conversation";
import { BrowserConversations } from "../conversations/browser";
import { ServerConversations } from "../conversations/server";
import type { ConversationStore } from "../conversations/store";
import { copy } from "../copying";
import { h, iconButton } from "../dom";
import { exportJson, exportMarkdown } from "../exporting";
import { t } from "../locales";
import { problemOfError, wordsOf } from "../problems";
import { Composer } from "./composer";
import { Connection } from "./connection";
import { askForText, confirmed, showDialog } from "./dialogs";
import { sayCopied } from "./exchange";
import { live } from "./live";
import { openMenu, type Item } from "./menu";
import { Scroller } from "./scroller";
import { showSettings } from "./settings";
import { Sidebar } from "./sidebar";
import { Thread, type ThreadContext } from "./thread";

export class App {
  readonly element: HTMLElement;
  readonly #api: Api;
  readonly #config: Config;
  readonly #session: Session;
  readonly #store: ConversationStore;
  readonly #sidebar: Sidebar;
  readonly #composer: Composer;
  readonly #scroller = new Scroller();
  readonly #title = h("h1", { dir: "auto" });
  readonly #more: HTMLButtonElement;
  readonly #models: HTMLSelectElement | undefined;
  readonly #notice = h("p", { class: "notice", role: "alert", hidden: true });
  /** Those that answer, though another one may be looked at. */
  readonly #threads = new Set<Thread>();
  #thread: Thread;
  #summaries: Summary[] = [];

  constructor(config: Config, api: Api, session: Session) {
    this.#config = config;
    this.#api = api;
    this.#session = session;
    const owner = session.owner;
    this.#store =
      config.conversations === "server"
        ? new ServerConversations(api, owner, config.access === "None")
        : new BrowserConversations(owner);
    const connection = new Connection(() => void this.#list());
    api.onUnreachable = () => connection.lost();
    session.askUser = () => this.#signInAgain();
    this.#sidebar = new Sidebar(config.name, {
      begin: () => this.#begin(),
      settings: () => this.#settings(),
      menu: (conversation) => this.#menu(conversation),
    });
    this.#models = modelChoice(config);
    this.#composer = new Composer(config.name, this.#models, {
      ask: (question, editing) => this.#ask(question, editing),
      stop: () => this.#thread.stop(),
    });
    this.#more = iconButton("more", t("conversation"), () => openMenu(this.#more, this.#menu(this.#thread.conversation as Summary)), {
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    });
    const toggle = iconButton("menu", t("toConversations"), () => this.#toggleSidebar(), {
      class: "icon-button sidebar-toggle",
      "aria-controls": "sidebar",
      "aria-expanded": "false",
    });
    this.element = h(
      "div",
      { class: "app", on: { click: (event) => this.#clicked(event), keydown: (event) => this.#key(event) } },
      this.#sidebar.element,
      h("div", { class: "veil", on: { click: () => this.#toggleSidebar(false) } }),
      h(
        "div",
        { class: "main" },
        connection.element,
        h("header", { class: "header" }, toggle, this.#title, this.#more),
        h("main", { class: "scroller-frame" }, this.#scroller.element, this.#scroller.jump),
        h("div", { class: "foot" }, this.#notice, this.#composer.element),
      ),
      live,
    );
    this.#thread = new Thread(this.#context);
  }

  /** Fill it, once it stands in the page. */
  start(): void {
    addEventListener("hashchange", () => void this.#open());
    void this.#list();
    void this.#open();
  }

  get #context(): ThreadContext {
    return {
      api: this.#api,
      store: this.#store,
      name: this.#config.name,
      model: () => this.#models?.value || undefined,
      changed: (thread) => this.#changed(thread),
      drawn: (thread) => thread === this.#thread && this.#scroller.follow(),
      edit: (thread, index) => {
        const exchanges = thread.conversation?.exchanges ?? [];
        this.#composer.edit(index, index === exchanges.length - 1, exchanges[index]?.question ?? "");
      },
      branch: (conversation, question) => {
        this.#show(new Thread(this.#context, conversation));
        return this.#thread.ask(question);
      },
    };
  }

  /** Show the conversation that the address names, or the beginning of one. */
  async #open(): Promise<void> {
    const id = address();
    this.#toggleSidebar(false);
    if (id === (this.#thread.conversation?.id ?? "") && this.#thread.element.isConnected) return;
    const answering = [...this.#threads].find(({ conversation }) => conversation?.id === id);
    if (answering) return this.#show(answering);
    if (!id) return this.#show(new Thread(this.#context));
    const conversation = await this.#store.load(id).catch((error: unknown) => this.#tell(error));
    if (id !== address()) return;
    if (!conversation) history.replaceState(null, "", "#");
    this.#show(new Thread(this.#context, conversation ?? undefined));
  }

  #show(thread: Thread): void {
    this.#thread = thread;
    const welcome = thread.conversation ? undefined : this.#welcome();
    this.#scroller.show(...(welcome ? [welcome] : []), thread.element);
    this.#changed(thread);
    if (!matchMedia("(pointer: coarse)").matches) this.#composer.focus();
  }

  #changed(thread: Thread): void {
    if (thread.isAnswering) this.#threads.add(thread);
    else this.#threads.delete(thread);
    const { conversation } = thread;
    if (conversation) {
      const { id, title, touched, exchanges } = conversation;
      const others = this.#summaries.filter((each) => each.id !== id && each.id !== conversation.replaces);
      const known = this.#summaries.find((each) => each.id === id);
      this.#summaries = [...others, { id, title: known?.title ?? title, touched, exchanges }];
    }
    if (thread === this.#thread && address() !== (conversation?.id ?? "")) {
      history.replaceState(null, "", `#${encodeURIComponent(conversation?.id ?? "")}`);
    }
    this.#refresh();
  }

  #refresh(): void {
    const { conversation, isAnswering } = this.#thread;
    const id = conversation?.id ?? "";
    const title = this.#summaries.find((each) => each.id === id)?.title ?? conversation?.title;
    document.title = title ? `${title} · ${this.#config.name}` : this.#config.name;
    this.#title.replaceChildren(title ?? t("newConversation"));
    this.#more.hidden = !conversation;
    this.#composer.show(id, isAnswering);
    this.#sidebar.show(this.#summaries, id);
  }

  #begin(): void {
    if (location.hash.length > 1) location.hash = "";
    this.#toggleSidebar(false);
    this.#composer.focus();
  }

  async #ask(question: string, editing: number | undefined): Promise<void> {
    this.#notice.hidden = true;
    const thread = this.#thread;
    try {
      if (editing !== undefined && thread.conversation) await thread.askAgain(editing, question);
      else await thread.ask(question);
    } catch (error) {
      this.#tell(error);
      throw error;
    }
    this.#scroller.element.querySelector(".welcome")?.remove();
    this.#scroller.toEnd();
  }

  async #list(): Promise<void> {
    try {
      const listed = await this.#store.list();
      const begun = this.#summaries.filter(({ id }) => !listed.some((each) => each.id === id));
      const answering = new Set([...this.#threads].map(({ conversation }) => conversation?.id));
      this.#summaries = [...listed, ...begun.filter(({ id }) => answering.has(id))];
      this.#refresh();
    } catch (error) {
      this.#tell(error);
    }
  }

  #menu(conversation: Summary): Item[] {
    const exported = (save: (whole: Conversation) => void) => () => void this.#whole(conversation).then((whole) => whole && save(whole));
    return [
      { label: t("rename"), act: () => void this.#rename(conversation) },
      { label: t("exportMarkdown"), act: exported(exportMarkdown) },
      { label: t("exportJson"), act: exported(exportJson) },
      { label: t("delete"), act: () => void this.#delete(conversation), danger: true },
    ];
  }

  async #whole({ id, title }: Summary): Promise<Conversation | void> {
    const open = [this.#thread, ...this.#threads].find(({ conversation }) => conversation?.id === id)?.conversation;
    const whole = open ?? (await this.#store.load(id).catch((error: unknown) => this.#tell(error)));
    return whole && { ...whole, title };
  }

  async #rename(conversation: Summary): Promise<void> {
    const title = await askForText(t("renameLabel"), conversation.title);
    if (!title) return;
    try {
      await this.#store.rename({ ...conversation, title });
      for (const thread of [this.#thread, ...this.#threads]) {
        if (thread.conversation?.id === conversation.id) thread.conversation.title = title;
      }
      this.#summaries = this.#summaries.map((each) => (each.id === conversation.id ? { ...each, title } : each));
      this.#refresh();
    } catch (error) {
      this.#tell(error);
    }
  }

  async #delete(conversation: Summary): Promise<void> {
    if (!(await confirmed(t("deleteQuestion", { title: conversation.title }), t("delete")))) return;
    try {
      const open = this.#thread.conversation?.id === conversation.id;
      if (open) this.#thread.stop();
      await this.#store.remove(conversation.id);
      this.#summaries = this.#summaries.filter(({ id }) => id !== conversation.id);
      if (open) this.#show(new Thread(this.#context));
      this.#refresh();
    } catch (error) {
      this.#tell(error);
    }
  }

  #settings(): void {
    const isServer = this.#config.conversations === "server";
    const signOut = () => {
      this.#session.hold(undefined);
      location.reload();
    };
    showSettings(t(isServer ? "keptThere" : "keptHere"), this.#config.access === "None" ? undefined : signOut);
  }

  #signInAgain(): Promise<boolean> {
    return new Promise((resolve) => {
      const admitted = () => {
        resolve(true);
        dialog.close();
      };
      const form = signInForm(this.#config, this.#api, this.#session, false, admitted);
      const dialog = showDialog(t("signIn"), form);
      dialog.addEventListener("close", () => resolve(false));
    });
  }

  #welcome(): HTMLElement {
    const { suggestions, name } = this.#config;
    const ask = (question: string) => {
      for (const button of buttons) button.disabled = true;
      this.#ask(question, undefined).catch(() => buttons.forEach((button) => (button.disabled = false)));
    };
    const buttons: HTMLButtonElement[] = suggestions.map((question) =>
      h("button", { type: "button", class: "suggestion", dir: "auto", on: { click: () => ask(question) } }, question),
    );
    return h(
      "div",
      { class: "welcome" },
      h("span", { class: "brand-mark large", "aria-hidden": "true" }),
      h("p", { class: "welcome-name", dir: "auto" }, name),
      h("p", { class: "welcome-text" }, t("greeting")),
      buttons.length > 0 && h("div", { class: "suggestions", role: "group", "aria-label": t("suggestions") }, ...buttons),
    );
  }

  #tell(error: unknown): void {
    this.#notice.replaceChildren(wordsOf(problemOfError(error)));
    this.#notice.hidden = false;
  }

  #toggleSidebar(open = !this.element.classList.contains("sidebar-open")): void {
    this.element.classList.toggle("sidebar-open", open);
    this.element.querySelector(".sidebar-toggle")?.setAttribute("aria-expanded", String(open));
  }

  #clicked(event: MouseEvent): void {
    const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
    if (!button) return;
    void copy(button.closest("figure")?.querySelector("code")?.textContent ?? "");
    sayCopied(button);
  }

  #key(event: KeyboardEvent): void {
    const isTyping = (event.target as Element).matches("input, textarea, select");
    if (event.key === "Escape") {
      if (this.element.classList.contains("sidebar-open")) this.#toggleSidebar(false);
      else this.#thread.stop();
    } else if (event.key === "/" && !isTyping) {
      event.preventDefault();
      this.#composer.focus();
    } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#toggleSidebar(true);
      this.#sidebar.focusSearch();
    }
  }
}

/** The conversation that the page's address names. */
function address(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function modelChoice({ models }: Config): HTMLSelectElement | undefined {
  if (models.length < 2) return undefined;
  const options = models.map((name, index) => h("option", { value: index === 0 ? "" : name }, name));
  return h("select", { class: "model-choice", "aria-label": t("model") }, ...options);
}

