// Asks who the user is, where the assistant wants to know.

import { ApiError, type Api, type Config } from "../api";
import { beginSignIn, canSignIn } from "../access/oidc";
import type { Session } from "../access/session";
import { h, textButton } from "../dom";
import { t } from "../locales";
import { problemOfError, wordsOf } from "../problems";

/** A form that signs the user in; `admitted` is called with what the page is told from then on. */
export function signInForm(
  config: Config,
  api: Api,
  session: Session,
  failed: boolean,
  admitted: (config: Config) => void,
): HTMLElement {
  const problem = h("p", { class: "problem-text", role: "alert" }, failed && t("signInFailed"));
  const say = (error: unknown) => problem.replaceChildren(wordsOf(problemOfError(error)));
  const form = config.access === "Token" ? tokenForm : oidcForm;
  return h("div", { class: "sign-in" }, ...form());

  function tokenForm(): HTMLElement[] {
    const input = h("input", {
      class: "input",
      type: "password",
      autocomplete: "current-password",
      required: true,
      autofocus: true,
      dir: "ltr",
      id: "token",
    });
    const submit = async (event: Event) => {
      event.preventDefault();
      session.hold({ token: input.value.trim() });
      try {
        const told = await api.config();
        if (told.admitted) return admitted(told);
      } catch (error) {
        session.hold(undefined);
        if (!(error instanceof ApiError && error.status === 401)) return say(error);
      }
      problem.replaceChildren(t("tokenRefused"));
      input.select();
    };
    return [
      h("p", {}, t("tokenWhy", { name: config.name })),
      h(
        "form",
        { on: { submit } },
        h("label", { for: "token" }, t("token")),
        input,
        problem,
        h("button", { class: "button primary" }, t("signIn")),
      ),
    ];
  }

  function oidcForm(): HTMLElement[] {
    if (!canSignIn()) problem.replaceChildren(t("signInInsecure"));
    const begin = () => void beginSignIn(api).catch(say);
    return [
      h("p", {}, t("signInWhy", { name: config.name })),
      problem,
      textButton(t("signIn"), begin, { class: "button primary", disabled: !canSignIn(), autofocus: true }),
    ];
  }
}
