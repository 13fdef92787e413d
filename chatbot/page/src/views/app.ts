// The page once its user has been admitted: conversations beside, the one that is open, and where to write.

import type { Api, Config } from "../api";
import { signInForm } from "./sign-in";
import type { Session } from "../access/session";
import type { Summary } from "../conversation";
import { BrowserConversations } from "../conversations/browser";
import { ServerConversations } from "../conversations/server";
import type { ConversationStore } from "../conversations/store";
import { copy } from "../copying";
import { h, iconButton } from "../dom";
import { t } from "../locales";
import { problemOfError, wordsOf } from "../problems";
import { Composer } from "./composer";
import { Connection } from "./connection";
import { conversationMenu } from "./conversation-menu";
import { showDialog } from "./dialogs";
import { sayCopied } from "./exchange";
import { live } from "./live";
import { openMenu, type Item } from "./menu";
import { Scroller } from "./scroller";
import { showSettings } from "./settings";
import { Sidebar } from "./sidebar";
import { Thread, type ThreadContext } from "./thread";
import { welcomeTo } from "./welcome";

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
        h(
          "main",
          {},
          h("div", { class: "scroller-frame" }, this.#scroller.element, this.#scroller.jump),
          h("div", { class: "foot" }, this.#notice, this.#composer.element),
        ),
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
    const ask = (question: string) => this.#ask(question, undefined);
    const welcome = thread.conversation ? undefined : welcomeTo(this.#config, ask);
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
      const known = this.#summaries.find((each) => each.id === id);
      const summary: Summary = { id, title: known?.title ?? title, touched, exchanges };
      const rest = this.#summaries.filter((each) => each.id !== conversation.replaces);
      this.#summaries = known ? rest.map((each) => (each === known ? summary : each)) : [...rest, summary];
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
    if (address()) history.pushState(null, "", "#");
    void this.#open();
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

  /** What can be done with a conversation. */
  #menu(conversation: Summary): Item[] {
    return conversationMenu(conversation, {
      store: this.#store,
      open: ({ id }) => [this.#thread, ...this.#threads].find((each) => each.conversation?.id === id)?.conversation,
      renamed: (renamed) => {
        this.#summaries = this.#summaries.map((each) => (each.id === renamed.id ? renamed : each));
        this.#refresh();
      },
      deleted: ({ id }) => {
        for (const thread of [this.#thread, ...this.#threads]) {
          if (thread.conversation?.id === id) thread.forget();
        }
        this.#summaries = this.#summaries.filter((each) => each.id !== id);
        if (this.#thread.conversation?.id === id) this.#show(new Thread(this.#context));
        this.#refresh();
      },
      failed: (error) => this.#tell(error),
    });
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

  #tell(error: unknown): void {
    this.#notice.replaceChildren(wordsOf(problemOfError(error)));
    this.#notice.hidden = false;
  }

  /** Where there is no room for it beside the conversation. */
  #toggleSidebar(wanted = !this.element.classList.contains("sidebar-open")): void {
    const open = wanted && matchMedia("(max-width: 52rem)").matches;
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

