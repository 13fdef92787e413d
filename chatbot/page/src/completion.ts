// A streamed completion as a sequence of what happens in it.

import { createParser } from "eventsource-parser";
import { ApiError, ConnectionError, problemIn, type Api } from "./api";
import type { Message, ToolRun, Usage } from "./conversation";

export interface CompletionRequest {
  readonly conversation?: string;
  readonly messages: readonly Message[];
  readonly model?: string;
}

export type Happening =
  | { readonly kind: "opened"; readonly cached: boolean; readonly requestId: string }
  | { readonly kind: "model"; readonly model: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "tool"; readonly run: ToolRun }
  | { readonly kind: "finished"; readonly reason: string }
  | { readonly kind: "usage"; readonly usage: Usage };

interface Chunk {
  readonly error?: unknown;
  readonly model?: string;
  readonly choices?: readonly { delta?: { content?: string | null }; finish_reason?: string | null }[];
  readonly chatassistant?: ToolRun;
  readonly usage?: Usage;
}

/** Ask, for a new answer if `anew`; throws `ApiError`, `ConnectionError` when the stream ends before its end, `AbortError` after `signal`. */
export async function* complete(
  api: Api,
  request: CompletionRequest,
  anew: boolean,
  signal: AbortSignal,
): AsyncGenerator<Happening> {
  const headers: HeadersInit = anew ? { "Cache-Control": "no-cache" } : {};
  const body = JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } });
  const response = await api.send("v1/chat/completions", { method: "POST", headers, body, signal });
  const header = (name: string) => response.headers.get(name) ?? "";
  yield { kind: "opened", cached: header("X-Cache") === "hit", requestId: header("X-Request-Id") };
  let model = "";
  for await (const data of events(response, api)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) throw new ApiError(response.status, problemIn(chunk, "gateway_error"));
    if (chunk.model && chunk.model !== model) yield { kind: "model", model: (model = chunk.model) };
    if (chunk.chatassistant) yield { kind: "tool", run: chunk.chatassistant };
    for (const choice of chunk.choices ?? []) {
      if (choice.delta?.content) yield { kind: "text", text: choice.delta.content };
      if (choice.finish_reason) yield { kind: "finished", reason: choice.finish_reason };
    }
    if (chunk.usage) yield { kind: "usage", usage: chunk.usage };
  }
  api.onUnreachable();
  throw new ConnectionError();
}

async function* events(response: Response, api: Api): AsyncGenerator<string> {
  const arrived: string[] = [];
  const parser = createParser({ onEvent: (event) => void arrived.push(event.data) });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* arrived.splice(0);
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    api.onUnreachable();
    throw new ConnectionError();
  } finally {
    // Whoever stops listening lets go of the connection, and the assistant of the model.
    await reader.cancel().catch(() => {});
  }
}
