import type { CompletionRequest } from "../completion";
import type { Conversation, Summary } from "../conversation";

/** Where conversations are kept. */
export interface ConversationStore {
  /** All of the user's, in no order. */
  list(): Promise<Summary[]>;
  load(id: string): Promise<Conversation | undefined>;
  /** Begin one; it has no exchange yet. */
  create(title: string): Promise<Conversation>;
  rename(conversation: Summary): Promise<void>;
  remove(id: string): Promise<void>;
  /** Remember how it stands; called while an answer comes, too. */
  keep(conversation: Conversation): Promise<void>;
  /** Take back the last exchange; gives the conversation that goes on from there, which may be another one. */
  takeBack(conversation: Conversation): Promise<Conversation>;
  /** What to ask for an answer to the last exchange. */
  request(conversation: Conversation): CompletionRequest;
  /** The last exchange has its whole answer. */
  answered(conversation: Conversation): Promise<void>;
}
