// Conversations that the assistant keeps for its user. It keeps whole answers only: what was stopped or failed is
// remembered here, and told with the next question. It cannot forget a part of a conversation: to go on from an earlier
// point, another one is begun with what is to stay.

import type { Api } from "../api";
import type { CompletionRequest } from "../completion";
import { exchangesOf, messagesToKeep, type Conversation, type Exchange, type Message, type Summary } from "../conversation";
import { Archive } from "../storage";
import type { ConversationStore } from "./store";

const PATH = "v1/conversations";

interface Told {
  readonly id: string;
  readonly title: string;
  readonly updated_at: number;
}

interface Page {
  readonly data: readonly Told[];
  readonly last_id: string | null;
  readonly has_more: boolean;
}

export class ServerConversations implements ConversationStore {
  readonly #api: Api;
  /** What the server does not have of each conversation that was begun here. */
  readonly #archive: Archive<Conversation>;
  readonly #ownOnly: boolean;

  /** With `ownOnly`, those of other browsers are not listed: users without an account are but addresses. */
  constructor(api: Api, owner: string, ownOnly: boolean) {
    this.#api = api;
    this.#archive = new Archive(`server ${owner}`);
    this.#ownOnly = ownOnly;
  }

  async list(): Promise<Summary[]> {
    const told: Told[] = [];
    for (let page: Page | undefined; !page || page.has_more; ) {
      const after = page?.last_id ? `&after=${encodeURIComponent(page.last_id)}` : "";
      page = await this.#api.json<Page>(`${PATH}?limit=100${after}`);
      told.push(...page.data);
    }
    const own = this.#ownOnly ? new Set((await this.#archive.all()).map(({ id }) => id)) : undefined;
    return told.filter(({ id }) => own?.has(id) ?? true).map(summaryOf);
  }

  async load(id: string): Promise<Conversation | undefined> {
    const told = await this.#api.json<Told & { messages: Message[] }>(`${PATH}/${encodeURIComponent(id)}`);
    const here = await this.#archive.get(id);
    const kept = exchangesOf(told.messages), own = here?.exchanges ?? [];
    return { ...here, ...summaryOf(told), exchanges: hasArrived(own, kept) ? kept : [...kept, ...own] };
  }

  async create(title: string): Promise<Conversation> {
    const told = await this.#api.json<Told>(PATH, { method: "POST", body: JSON.stringify({ title }) });
    return { ...summaryOf(told), exchanges: [] };
  }

  async rename({ id, title }: Summary): Promise<void> {
    await this.#api.send(`${PATH}/${encodeURIComponent(id)}`, { method: "POST", body: JSON.stringify({ title }) });
  }

  async remove(id: string): Promise<void> {
    await this.#api.send(`${PATH}/${encodeURIComponent(id)}`, { method: "DELETE" });
    await this.#archive.delete(id);
  }

  keep(conversation: Conversation): Promise<void> {
    return this.#archive.put({ ...conversation, exchanges: conversation.exchanges.filter(({ kept }) => !kept) });
  }

  async takeBack(conversation: Conversation): Promise<Conversation> {
    if (!conversation.exchanges.at(-1)?.kept) {
      conversation.exchanges.pop();
      return conversation;
    }
    const exchanges = conversation.exchanges.slice(0, -1).map((exchange) => ({ ...exchange, kept: false }));
    return { ...(await this.create(conversation.title)), exchanges, replaces: conversation.id };
  }

  request(conversation: Conversation): CompletionRequest {
    const unknown = conversation.exchanges.filter(({ kept }) => !kept);
    return { conversation: conversation.id, messages: messagesToKeep(unknown) };
  }

  async answered(conversation: Conversation): Promise<void> {
    for (const exchange of conversation.exchanges) exchange.kept = true;
    const { replaces } = conversation;
    if (replaces === undefined) return;
    delete conversation.replaces;
    await this.remove(replaces);
  }
}

/** Whether the server has what was remembered here for it, as when a page was left before it could forget that. */
function hasArrived(own: readonly Exchange[], kept: readonly Exchange[]): boolean {
  const last = own.at(-1), tail = kept.slice(-own.length);
  if (!last || last.problem || last.answer?.stopped || tail.length < own.length) return false;
  return own.every(({ question }, index) => question === tail[index]?.question);
}

function summaryOf({ id, title, updated_at }: Told): Summary {
  return { id, title, touched: updated_at * 1000 };
}
