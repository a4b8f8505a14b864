// Calls of the server, and their failures in words a shopper can use.
import { t } from "../texts/index.js";
import { createStore, remembered } from "../state/store.js";

// Whether the server asked for a key: the shell shows the dialog, and resolves it.
export const keyRequest = createStore(null);
export const offline = createStore(!navigator.onLine);
window.addEventListener("online", () => offline.set(false));
window.addEventListener("offline", () => offline.set(true));

export class CallError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

function messageFor(status, detail) {
  if (status === 401) return t("error.key");
  if (status === 403) return t("error.forbidden");
  if (status === 404) return t("error.missing");
  if (status === 413) return t("error.large");
  if (status === 429 || status === 503) return t("error.busy");
  if (status >= 500) return t("error.server");
  return detail || t("error.server");
}

function askForKey() {
  const pending = keyRequest.get();
  if (pending) return pending.answer;
  let resolve;
  const answer = new Promise((done) => { resolve = done; });
  keyRequest.set({ answer, resolve: (key) => { keyRequest.set(null); resolve(key); } });
  return answer;
}

const keyHeader = () => {
  const key = remembered.read("key", null, "sessionStorage");
  return key ? { Authorization: `Bearer ${key}` } : {};
};

// The response of a call that succeeded. Throws a `CallError`; one that was aborted throws `AbortError`.
export async function call(path, { headers, ...options } = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...headers, ...keyHeader() } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new CallError(t("error.offline"));
  }
  offline.set(false);
  if (response.status === 401) {
    const key = await askForKey();
    if (key) {
      remembered.write("key", key, "sessionStorage");
      return call(path, { headers, ...options });
    }
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new CallError(messageFor(response.status, body?.error?.message), response.status);
}

export async function get(path, options) {
  const response = await call(path, options);
  return response.json().catch(() => { throw new CallError(t("error.server")); });
}

const KEEPALIVE_LIMIT = 60_000; // characters: browsers finish small requests of a page that was left

export function send(method, path, body, options) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const keepalive = method !== "GET" && (text?.length ?? 0) < KEEPALIVE_LIMIT;
  return get(path, { ...options, method, keepalive, headers: { "Content-Type": "application/json" }, body: text });
}

export const encoded = encodeURIComponent;
