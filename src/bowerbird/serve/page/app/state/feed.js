// The feed of one shopper. It stays as it is until the shopper asks for new picks; more is added at its end.
import { recommendations } from "../api/items.js";
import { session } from "./session.js";
import { language } from "../texts/index.js";
import { createStore } from "./store.js";

const EMPTY = { user: "", language: "", items: [], status: "idle", isAll: false, cursor: null, error: null, hasNewPicks: false };
export const feed = createStore(EMPTY);
let newest = 0; // number of the newest request: an older answer is dropped

export async function loadFeed({ isFresh = false } = {}) {
  const { user } = session.get(), before = feed.get(), code = language.get(); // reasons are in a language
  const isSame = before.user === user && before.language === code && !isFresh;
  if (isSame && (before.status === "loading" || before.isAll)) return;
  const earlier = isSame ? before.items : [], cursor = isSame ? before.cursor : null;
  const attempt = ++newest;
  feed.set({ ...EMPTY, user, language: code, items: earlier, cursor, status: "loading", hasNewPicks: isSame && before.hasNewPicks });
  try {
    const page = await recommendations(user, { count: earlier.length, cursor });
    if (attempt !== newest) return;
    feed.set((now) => ({ ...now, ...append(earlier, page), status: "ready" }));
  } catch (error) {
    if (attempt === newest) feed.set((now) => ({ ...now, status: "failed", error }));
  }
}

// A list with its next page: nothing moves, and nothing comes twice.
export function append(items, { items: next, cursor, isAll, listId }) {
  const shown = new Set(items.map((item) => item.item_id));
  const added = next.filter((item) => !shown.has(item.item_id)).map((item) => ({ ...item, listId }));
  return { items: [...items, ...added], cursor, isAll: isAll || !added.length };
}

export function announceNewPicks() {
  const { status, user } = feed.get();
  if (status !== "idle" && user === session.get().user) feed.set((now) => ({ ...now, hasNewPicks: true }));
}

// The next visit of the feed asks anew: what changed the taste was asked for by the shopper.
export const expireFeed = () => feed.set((now) => ({ ...now, user: "" }));
