// What can be done with a conversation as a whole.

import type { Conversation, Summary } from "../conversation";
import type { ConversationStore } from "../conversations/store";
import { exportJson, exportMarkdown } from "../exporting";
import { t } from "../locales";
import { askForText, confirmed } from "./dialogs";
import type { Item } from "./menu";

export interface ConversationMenuContext {
  readonly store: ConversationStore;
  /** The conversation itself, when it is open or being answered. */
  readonly open: (conversation: Summary) => Conversation | undefined;
  readonly renamed: (conversation: Summary) => void;
  readonly deleted: (conversation: Summary) => void;
  readonly failed: (error: unknown) => void;
}

export function conversationMenu(conversation: Summary, context: ConversationMenuContext): Item[] {
  const act = (attempt: () => Promise<void>) => () => void attempt().catch(context.failed);
  return [
    { label: t("rename"), act: act(() => rename(conversation, context)) },
    { label: t("exportMarkdown"), act: act(() => exported(conversation, context, exportMarkdown)) },
    { label: t("exportJson"), act: act(() => exported(conversation, context, exportJson)) },
    { label: t("delete"), act: act(() => remove(conversation, context)), danger: true },
  ];
}

async function rename(conversation: Summary, { store, open, renamed }: ConversationMenuContext): Promise<void> {
  const title = await askForText(t("renameLabel"), conversation.title);
  if (!title) return;
  await store.rename({ ...conversation, title });
  const whole = open(conversation);
  if (whole) whole.title = title;
  renamed({ ...conversation, title });
}

async function exported(
  conversation: Summary,
  { store, open }: ConversationMenuContext,
  save: (conversation: Conversation) => void,
): Promise<void> {
  const whole = open(conversation) ?? (await store.load(conversation.id));
  if (whole) save({ ...whole, title: conversation.title });
}

async function remove(conversation: Summary, { store, deleted }: ConversationMenuContext): Promise<void> {
  const { id, title } = conversation;
  if (!(await confirmed(t("deleteQuestion", { title }), t("delete")))) return;
  await store.remove(id);
  deleted(conversation);
}
