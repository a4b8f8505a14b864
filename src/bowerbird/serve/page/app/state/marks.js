// What this shopper saved and hid: shown in place at once, sent to the server, taken back where that fails.
import * as api from "../api/users.js";
import { t } from "../texts/index.js";
import { session } from "./session.js";
import { createStore } from "./store.js";
import { showToast } from "./toast.js";

export const marks = createStore({ saved: new Set(), hidden: new Set() });
const busy = new Set(); // items whose last action is under way: a second click is no second action
const DOUBLE_CLICK_MS = 500;

let owner = "";
session.subscribe(({ user }) => {
  if (user === owner) return;
  owner = user;
  marks.set({ saved: new Set(), hidden: new Set() });
});

// What the server knows as saved; where an action is under way, its answer may be older than that.
export function showSaved(itemIds) {
  marks.set((before) => {
    const saved = new Set(itemIds);
    for (const id of busy) if (before.saved.has(id)) saved.add(id); else saved.delete(id);
    return { ...before, saved };
  });
}

function mark(list, itemId, isMarked) {
  marks.set((before) => {
    const next = new Set(before[list]);
    if (isMarked) next.add(itemId); else next.delete(itemId);
    return { ...before, [list]: next };
  });
}

async function change(list, item, isMarked, work, message, undo) {
  if (busy.has(item.item_id)) return;
  busy.add(item.item_id);
  mark(list, item.item_id, isMarked);
  try {
    await work();
    // Undo comes from another button: it is no second click, however soon it comes.
    const takeBack = () => { busy.delete(item.item_id); undo(); };
    showToast(message, undo && { label: t("action.undo"), run: takeBack });
  } catch (error) {
    mark(list, item.item_id, !isMarked);
    showToast(t("toast.failed", { reason: error.message }));
  } finally {
    setTimeout(() => busy.delete(item.item_id), DOUBLE_CLICK_MS);
  }
}

const currentUser = () => session.get().user;

async function record(action, item, surface) {
  const user = currentUser();
  // It counts again where it was taken back before; a new visitor has nothing to count yet.
  await api.includeItem(user, item.item_id).catch((error) => { if (error.status !== 404) throw error; });
  await api.track(user, action, item, surface);
}

const ignore = (item) => api.excludeItem(currentUser(), item.item_id);

export const saveItem = (item, surface) =>
  change("saved", item, true, () => record("save", item, surface), t("toast.saved"), () => unsaveItem(item));
export const unsaveItem = (item) =>
  change("saved", item, false, () => ignore(item), t("toast.unsaved"), null);
export const hideItem = (item, surface) =>
  change("hidden", item, true, () => record("hide", item, surface), t("toast.hidden"), () => showAgain(item));
export const showAgain = (item) =>
  change("hidden", item, false, () => ignore(item), t("action.undo"), null);

// Opening says interest too; nothing waits for it, and a lost one is no loss to the shopper.
export function noteOpened(item, surface) {
  api.track(currentUser(), "click", item, surface).catch(() => {});
}
