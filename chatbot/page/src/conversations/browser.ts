// Conversations in this browser alone: the assistant is told all of one with each question.

import { messagesOf, type Conversation, type Summary } from "../conversation";
import type { CompletionRequest } from "../completion";
import { Archive } from "../storage";
import type { ConversationStore } from "./store";

export class BrowserConversations implements ConversationStore {
  readonly #archive: Archive<Conversation>;

  constructor(owner: string) {
    this.#archive = new Archive(owner);
  }

  list(): Promise<Summary[]> {
    return this.#archive.all();
  }

  load(id: string): Promise<Conversation | undefined> {
    return this.#archive.get(id);
  }

  async create(title: string): Promise<Conversation> {
    const id = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return { id, title, touched: Date.now(), exchanges: [] };
  }

  async rename({ id, title }: Summary): Promise<void> {
    const conversation = await this.#archive.get(id);
    if (conversation) await this.#archive.put({ ...conversation, title });
  }

  remove(id: string): Promise<void> {
    return this.#archive.delete(id);
  }

  keep(conversation: Conversation): Promise<void> {
    return this.#archive.put(conversation);
  }

  async takeBack(conversation: Conversation): Promise<Conversation> {
    conversation.exchanges.pop();
    return conversation;
  }

  request(conversation: Conversation): CompletionRequest {
    return { messages: messagesOf(conversation.exchanges) };
  }

  async answered(): Promise<void> {}
}
