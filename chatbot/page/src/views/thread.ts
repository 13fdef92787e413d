// A conversation in the page, and the answer that may be on its way into it.

import type { Api } from "../api";
import { complete, type Happening } from "../completion";
import { titleOf, withNews, type Answer, type Conversation, type Exchange } from "../conversation";
import type { ConversationStore } from "../conversations/store";
import { h } from "../dom";
import { t } from "../locales";
import { problemOfError } from "../problems";
import { ExchangeView } from "./exchange";
import { announce } from "./live";

const KEEP_EVERY_MILLISECONDS = 2000;
const LONGEST_SPOKEN = 2000;

export interface ThreadContext {
  readonly api: Api;
  readonly store: ConversationStore;
  readonly name: string;
  /** The model that the user wants; undefined for the assistant's own choice. */
  readonly model: () => string | undefined;
  /** It began or ended to answer, or has another conversation. */
  readonly changed: (thread: Thread) => void;
  /** The user wants to ask the question in another way. */
  readonly edit: (thread: Thread, index: number) => void;
  /** Go on with another conversation, a part of this one, by a question. */
  readonly branch: (conversation: Conversation, question: string) => Promise<void>;
}

export class Thread {
  readonly element = h("div", { class: "thread" });
  readonly #context: ThreadContext;
  conversation: Conversation | undefined;
  #views: ExchangeView[] = [];
  #running: AbortController | undefined;
  #isForgotten = false;

  constructor(context: ThreadContext, conversation?: Conversation) {
    this.#context = context;
    this.conversation = conversation;
    for (const exchange of conversation?.exchanges ?? []) void this.#show(exchange).showWhole();
  }

  get isAnswering(): boolean {
    return this.#running !== undefined;
  }

  /** Ask; resolves when the question has found its place, and rejects when it has not. */
  async ask(question: string, anew = false): Promise<void> {
    const { store } = this.#context;
    this.conversation ??= await store.create(titleOf(question));
    const exchange: Exchange = { question };
    this.conversation.exchanges.push(exchange);
    void this.#run(this.conversation, exchange, this.#show(exchange), anew);
  }

  /** Ask the question of an exchange anew, or in other words; what came after it stays in a conversation of its own. */
  async askAgain(index: number, question?: string): Promise<void> {
    const { store } = this.#context;
    const conversation = this.conversation as Conversation;
    const words = question ?? conversation.exchanges[index]?.question ?? "";
    this.stop();
    if (index < conversation.exchanges.length - 1) {
      const branch = await store.create(titleOf(words));
      branch.exchanges = conversation.exchanges.slice(0, index).map((exchange) => ({ ...exchange, kept: false }));
      return this.#context.branch(branch, words);
    }
    const isNamedByIt = index === 0 && conversation.title === titleOf(conversation.exchanges[0]?.question ?? "");
    this.conversation = await store.takeBack(conversation);
    if (isNamedByIt) this.conversation.title = titleOf(words);
    this.#views.pop()?.element.remove();
    return this.ask(words, true);
  }

  /** End the answer that is on its way. */
  stop(): void {
    this.#running?.abort();
  }

  /** The conversation is no more: nothing of it is to be kept. */
  forget(): void {
    this.#isForgotten = true;
    this.stop();
  }

  async #keep(conversation: Conversation): Promise<void> {
    if (!this.#isForgotten) await this.#context.store.keep(conversation);
  }

  #show(exchange: Exchange): ExchangeView {
    const index = () => this.conversation?.exchanges.indexOf(exchange) ?? -1;
    const view = new ExchangeView(exchange, this.#context.name, {
      edit: () => this.#context.edit(this, index()),
      retry: () => void this.askAgain(index()).catch((error: unknown) => this.#failed(exchange, error)),
    });
    this.#views.push(view);
    this.element.append(view.element);
    return view;
  }

  async #run(conversation: Conversation, exchange: Exchange, view: ExchangeView, anew: boolean): Promise<void> {
    const { api, store, name, model, changed } = this.#context;
    const running = (this.#running = new AbortController());
    const wanted = model();
    const request = { ...store.request(conversation), ...(wanted && { model: wanted }) };
    const answer: Answer = (exchange.answer = { text: "", tools: [] });
    const started = performance.now();
    let first: number | undefined;
    let kept = started;
    view.begin();
    changed(this);
    announce(t("answering", { name }));
    await this.#keep(conversation);
    try {
      for await (const happening of complete(api, request, anew, running.signal)) {
        take(happening, answer, view);
        if (happening.kind === "text") first ??= performance.now() - started;
        if (performance.now() - kept > KEEP_EVERY_MILLISECONDS) {
          kept = performance.now();
          void this.#keep(conversation);
        }
      }
      const all = performance.now() - started;
      answer.seconds = { first: (first ?? all) / 1000, all: all / 1000 };
      await store.answered(conversation).catch(() => {});
    } catch (error) {
      answer.tools = answer.tools.map((run) => (run.state === "running" ? { ...run, state: "failed" } : run));
      if (running.signal.aborted) answer.stopped = true;
      else exchange.problem = problemOfError(error);
      view.showTools(answer.tools);
    }
    if (this.#running === running) this.#running = undefined;
    conversation.touched = Date.now();
    await view.end();
    announce(spoken(exchange, name));
    await this.#keep(conversation);
    if (!this.#isForgotten) changed(this);
  }

  #failed(exchange: Exchange, error: unknown): void {
    exchange.problem = problemOfError(error);
    void this.#views.at(-1)?.showWhole();
  }
}

function take(happening: Happening, answer: Answer, view: ExchangeView): void {
  switch (happening.kind) {
    case "opened":
      answer.cached = happening.cached;
      answer.requestId = happening.requestId;
      return;
    case "model":
      answer.model = happening.model;
      return;
    case "text":
      answer.text += happening.text;
      return view.write(happening.text);
    case "tool":
      answer.tools = withNews(answer.tools, happening.run);
      return view.showTools(answer.tools);
    case "finished":
      if (happening.reason === "length") answer.cut = true;
      return;
    case "usage":
      answer.usage = happening.usage;
  }
}

function spoken({ answer, problem }: Exchange, name: string): string {
  if (problem) return "";
  return t("answerDone", { name, text: (answer?.text ?? "").slice(0, LONGEST_SPOKEN) });
}
