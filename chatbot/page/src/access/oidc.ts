// Sign-in with OpenID Connect: the authorization code flow with PKCE (RFC 7636). The code is exchanged by way of the
// assistant, so that this page asks nobody else for anything.

import type { Api } from "../api";
import { session as shelf } from "../storage";
import { redeem, type Session } from "./session";

const NAME = "sign-in";

interface Issuer {
  readonly authorization_endpoint: string;
  readonly client_id: string;
  readonly scope: string;
}

interface Begun {
  readonly state: string;
  readonly verifier: string;
  readonly hash: string;
}

/** Whether this page may sign anybody in: browsers hash on pages by https or of this machine only. */
export function canSignIn(): boolean {
  return isSecureContext;
}

/** Leave for the issuer, which sends the user back here. */
export async function beginSignIn(api: Api): Promise<void> {
  const issuer = await api.json<Issuer>("page/sign-in.json");
  const begun: Begun = { state: randomText(), verifier: randomText(), hash: location.hash };
  shelf.set(NAME, JSON.stringify(begun));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(begun.verifier));
  const address = new URL(issuer.authorization_endpoint);
  if (!/^https?:$/.test(address.protocol)) throw new Error("the authorization endpoint is no web address");
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: issuer.client_id,
    redirect_uri: here(),
    scope: issuer.scope,
    state: begun.state,
    code_challenge: base64url(new Uint8Array(challenge)),
    code_challenge_method: "S256",
  })) {
    address.searchParams.set(name, value);
  }
  location.assign(address);
}

/** Take what the issuer sent back with the user, if it did; gives whether that failed. */
export async function finishSignIn(session: Session): Promise<boolean> {
  const answer = new URLSearchParams(location.search);
  const begun = JSON.parse(shelf.get(NAME) ?? "null") as Begun | null;
  if (!begun || !answer.has("state")) return false;
  shelf.set(NAME, undefined);
  history.replaceState(null, "", here() + begun.hash);
  const code = answer.get("code");
  if (!code || answer.get("state") !== begun.state) return true;
  const grant = { code, code_verifier: begun.verifier, redirect_uri: here() };
  const tokens = await redeem(grant).catch(() => undefined);
  session.hold(tokens);
  return tokens === undefined;
}

function here(): string {
  return location.origin + location.pathname;
}

function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
