// A conversation as a file.

import { messagesOf, type Conversation } from "./conversation";
import { t } from "./locales";

export function exportMarkdown(conversation: Conversation): void {
  const parts = conversation.exchanges.map(({ question, answer }) => {
    const model = answer?.model ? ` (${answer.model})` : "";
    return `## ${t("question")}\n\n${question}\n\n## ${t("answer")}${model}\n\n${answer?.text ?? ""}\n`;
  });
  save(conversation, `# ${conversation.title}\n\n${parts.join("\n")}`, "md", "text/markdown");
}

/** With the messages as the completions API takes them, and all that is known of each exchange. */
export function exportJson(conversation: Conversation): void {
  const { id, title, touched, exchanges } = conversation;
  const content = { id, title, touched: new Date(touched).toISOString(), messages: messagesOf(exchanges), exchanges };
  save(conversation, JSON.stringify(content, null, 2), "json", "application/json");
}

function save({ title }: Conversation, content: string, extension: string, type: string): void {
  const name = title.replace(/[^\p{L}\p{N} _-]+/gu, "").trim() || t("conversation");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  link.download = `${name}.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
