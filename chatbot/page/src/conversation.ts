// A conversation as the page knows it: questions, each with its answer.

export interface ToolRun {
  readonly id?: string;
  readonly tool: string;
  readonly server: string;
  readonly state: "running" | "done" | "failed";
  readonly arguments?: string;
  readonly result?: string;
}

export interface Usage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  /** In US dollars. */
  readonly cost?: number;
}

export interface Answer {
  text: string;
  tools: ToolRun[];
  model?: string;
  usage?: Usage;
  /** Until the first word, where that is known, and in all. */
  seconds?: { first?: number; all: number };
  /** Whether it came from the assistant's memory and cost nothing. */
  cached?: boolean;
  requestId?: string;
  /** Whether somebody pressed Stop. */
  stopped?: boolean;
  /** Whether it is longer than the model may write. */
  cut?: boolean;
}

/** What went wrong; `until` is when trying again makes sense, in milliseconds since 1970. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly until?: number;
}

export interface Exchange {
  question: string;
  answer?: Answer;
  problem?: Problem;
  /** Whether the server has it, where the server keeps conversations. */
  kept?: boolean;
}

export interface Summary {
  readonly id: string;
  title: string;
  /** Milliseconds since 1970. */
  touched: number;
  /** Where they are at hand, to be searched. */
  exchanges?: Exchange[];
}

export interface Conversation extends Summary {
  exchanges: Exchange[];
  /** The conversation that this one takes the place of, once it has an answer. */
  replaces?: string;
}

/** A message as the completions API takes and gives it. */
export interface Message {
  readonly role: string;
  readonly content?: string | null | readonly { readonly text?: string }[];
  readonly tool_calls?: readonly { id?: string; function?: { name?: string; arguments?: string } }[];
  readonly tool_call_id?: string;
  readonly metadata?: Metadata;
}

/** What is kept of an answer beside its words; no model is told of it. */
interface Metadata {
  readonly model?: string;
  readonly usage?: Usage;
  /** In all. */
  readonly seconds?: number;
}

const LONGEST_TITLE = 60;

/** The first words of a question, on one line. */
export function titleOf(question: string): string {
  const words = question.trim().replace(/\s+/g, " ");
  if (words.length <= LONGEST_TITLE) return words;
  const cut = words.slice(0, LONGEST_TITLE - 1);
  return `${cut.slice(0, cut.lastIndexOf(" ") > LONGEST_TITLE / 2 ? cut.lastIndexOf(" ") : undefined).trimEnd()}…`;
}

/** Whether there is anything in an answer. */
export function isWorthKeeping(answer: Answer | undefined): boolean {
  return answer !== undefined && (answer.text !== "" || answer.tools.length > 0);
}

/** What a model is told of exchanges. */
export function messagesOf(exchanges: readonly Exchange[]): Message[] {
  return exchanges.flatMap(({ question, answer }) => [
    { role: "user", content: question },
    ...(answer?.text ? [{ role: "assistant", content: answer.text }] : []),
  ]);
}

/** The same with what a server that keeps them should know beside. */
export function messagesToKeep(exchanges: readonly Exchange[]): Message[] {
  return exchanges.flatMap((exchange) => {
    const { model, usage, seconds } = exchange.answer ?? {};
    const metadata = { ...(model && { model }), ...(usage && { usage }), ...(seconds && { seconds: seconds.all }) };
    return messagesOf([exchange]).map((message) => (message.role === "user" ? message : { ...message, metadata }));
  });
}

/** The exchanges in messages that the server kept. */
export function exchangesOf(messages: readonly Message[]): Exchange[] {
  const exchanges: Exchange[] = [];
  for (const message of messages) {
    if (message.role === "user") exchanges.push({ question: textOf(message), kept: true });
    const exchange = exchanges.at(-1);
    if (!exchange || message.role === "user") continue;
    const answer = (exchange.answer ??= { text: "", tools: [] });
    if (message.role === "assistant") {
      answer.text += textOf(message);
      const { model, usage, seconds } = message.metadata ?? {};
      Object.assign(answer, model && { model }, usage && { usage }, seconds && { seconds: { all: seconds } });
      for (const { id = "", function: called } of message.tool_calls ?? []) {
        answer.tools.push({ id, tool: called?.name ?? "", server: "", state: "done", arguments: called?.arguments ?? "" });
      }
    } else if (message.role === "tool") {
      const result = textOf(message);
      answer.tools = answer.tools.map((run) => (run.id === message.tool_call_id ? { ...run, result } : run));
    }
  }
  return exchanges;
}

/** The runs after news of one; ids, where there are any, are those of one round, so only what still runs is meant. */
export function withNews(runs: readonly ToolRun[], news: ToolRun): ToolRun[] {
  if (news.state === "running") return [...runs, news];
  const isMeant = (run: ToolRun) =>
    run.state === "running" && (news.id ? run.id === news.id : run.tool === news.tool && run.server === news.server);
  const at = runs.findIndex(isMeant);
  return at < 0 ? [...runs, news] : runs.with(at, { ...(runs[at] as ToolRun), ...news });
}

function textOf(message: Message): string {
  if (typeof message.content === "string") return message.content;
  return (message.content ?? []).map((part) => part.text ?? "").join("");
}
