// Where questions are written. What is typed is kept at once, so that nothing of it is ever lost.

import { h, iconButton } from "../dom";
import { t } from "../locales";
import { lasting } from "../storage";

interface Draft {
  readonly text: string;
  /** The exchange whose question is being edited, whether it is the last one, and what was written before that. */
  readonly editing?: { readonly index: number; readonly isLast: boolean; readonly before: string };
}

export interface ComposerActions {
  /** Ask, or ask anew; what was typed stays until this resolves. */
  readonly ask: (question: string, editing: number | undefined) => Promise<void>;
  readonly stop: () => void;
}

export class Composer {
  readonly element: HTMLElement;
  readonly #actions: ComposerActions;
  readonly #input: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #editing: HTMLElement;
  readonly #editingNote = h("span");
  #draft: Draft = { text: "" };
  #key = "";
  #isAnswering = false;
  #isAsking = false;

  constructor(name: string, extras: HTMLElement | undefined, actions: ComposerActions) {
    this.#actions = actions;
    const label = t("ask", { name });
    this.#input = h("textarea", {
      rows: 1,
      dir: "auto",
      placeholder: label,
      "aria-label": label,
      enterkeyhint: "send",
      on: { input: () => this.#typed(), keydown: (event) => this.#pressed(event) },
    });
    this.#send = iconButton("send", t("send"), () => void this.#ask(), { class: "round-button" });
    this.#stop = iconButton("stop", t("stop"), actions.stop, { class: "round-button stop" });
    this.#editing = h(
      "div",
      { class: "editing", hidden: true },
      this.#editingNote,
      iconButton("close", t("cancel"), () => this.#stopEditing()),
    );
    this.element = h(
      "div",
      { class: "composer" },
      this.#editing,
      h("div", { class: "composer-row" }, this.#input, h("div", { class: "composer-buttons" }, extras, this.#send, this.#stop)),
    );
  }

  /** Go on with what was typed for a conversation. */
  show(conversation: string, isAnswering: boolean): void {
    this.#isAnswering = isAnswering;
    if (`draft:${conversation}` !== this.#key) {
      this.#key = `draft:${conversation}`;
      this.#draft = JSON.parse(lasting.get(this.#key) ?? '{"text":""}') as Draft;
      this.#input.value = this.#draft.text;
    }
    this.#refresh();
  }

  edit(index: number, isLast: boolean, question: string): void {
    const before = this.#draft.editing?.before ?? this.#draft.text;
    this.#set({ text: question, editing: { index, isLast, before } });
    this.focus();
    this.#input.setSelectionRange(question.length, question.length);
  }

  focus(): void {
    this.#input.focus();
  }

  #stopEditing(): void {
    this.#set({ text: this.#draft.editing?.before ?? "" });
    this.focus();
  }

  #set(draft: Draft): void {
    this.#draft = draft;
    this.#input.value = draft.text;
    this.#keep(draft);
    this.#refresh();
  }

  #typed(): void {
    this.#draft = { ...this.#draft, text: this.#input.value };
    this.#keep(this.#draft);
    this.#refresh();
  }

  #keep(draft: Draft): void {
    lasting.set(this.#key, draft.text || draft.editing ? JSON.stringify(draft) : undefined);
  }

  #pressed(event: KeyboardEvent): void {
    // Enter also ends the writing of a Chinese or Japanese word; on a phone it begins a line.
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing && !matchMedia("(pointer: coarse)").matches;
    if (sends) {
      event.preventDefault();
      void this.#ask();
    }
    if (event.key === "Escape" && this.#draft.editing) this.#stopEditing();
  }

  async #ask(): Promise<void> {
    const { text, editing } = this.#draft;
    if (!text.trim() || this.#isAnswering || this.#isAsking) return;
    const key = this.#key;
    this.#isAsking = true;
    this.#refresh();
    try {
      await this.#actions.ask(text.trim(), editing?.index);
      lasting.set(key, editing?.before ? JSON.stringify({ text: editing.before }) : undefined);
      if (key === this.#key) this.#set({ text: editing?.before ?? "" });
    } catch {
      // Whoever was asked has told the user; the question stays where it is.
    } finally {
      this.#isAsking = false;
      this.#refresh();
    }
  }

  #refresh(): void {
    const { editing } = this.#draft;
    this.#editing.hidden = !editing;
    this.#editingNote.replaceChildren(t(editing?.isLast ? "editing" : "editingEarlier"));
    this.#send.hidden = this.#isAnswering;
    this.#stop.hidden = !this.#isAnswering;
    this.#send.disabled = this.#isAsking || !this.#input.value.trim();
    // Browsers that can, do this by themselves (field-sizing).
    if (!CSS.supports("field-sizing", "content")) {
      this.#input.style.height = "auto";
      this.#input.style.height = `${this.#input.scrollHeight}px`;
    }
  }
}
