// What went wrong, in words.

import { ApiError, ConnectionError } from "./api";
import type { Problem } from "./conversation";
import { isWord, t, type Word } from "./locales";

const OTHERS: Record<string, Word> = {
  gateway_error: "error_unavailable",
  gateway_overloaded: "error_overloaded",
  gateway_timeout: "error_timeout",
  gateway_unavailable: "error_unavailable",
  http_401: "error_unauthorized",
  http_413: "error_request_too_large",
  http_502: "error_unavailable",
  http_503: "error_overloaded",
  http_504: "error_timeout",
  invalid_token: "error_unauthorized",
  overloaded: "error_overloaded",
  internal_error: "error_other",
  rate_limit_exceeded: "error_limit",
  tokens_per_request_exceeded: "error_request_too_large",
};

export function problemOfError(error: unknown): Problem {
  if (error instanceof ApiError || error instanceof ConnectionError) return error.problem;
  console.error(error);
  return { code: "other", message: "" };
}

/** In the reader's language where the page knows the problem, else as the assistant told it. */
export function wordsOf(problem: Problem): string {
  const known = OTHERS[problem.code] ?? `error_${problem.code}`;
  return isWord(known) ? t(known) : problem.message || t("error_other");
}

export function secondsLeft(problem: Problem): number {
  return Math.max(0, Math.ceil(((problem.until ?? 0) - Date.now()) / 1000));
}
