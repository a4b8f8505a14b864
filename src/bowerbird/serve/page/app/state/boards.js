// The shopper's boards: what they saved, their own, and those of an import, which can't be changed here.
import * as api from "../api/users.js";
import { t } from "../texts/index.js";
import { revision } from "./changes.js";
import { showSaved } from "./marks.js";
import { session } from "./session.js";
import { createStore } from "./store.js";
import { showToast } from "./toast.js";

const NONE = { saved: [], saved_pictures: [], own: [], imported: [], error: null, isLoading: true };
export const boards = createStore(NONE);
const currentUser = () => session.get().user;

export async function loadBoards() {
  const user = currentUser();
  if (!user) return;
  try {
    const answer = await api.boards(user);
    if (user !== currentUser()) return;
    boards.set({ ...answer, error: null, isLoading: false });
    showSaved(answer.saved);
  } catch (error) {
    boards.set((before) => ({ ...before, error, isLoading: false }));
  }
}

async function changed(work, message) {
  try {
    const result = await work;
    await loadBoards();
    if (message) showToast(message);
    return result;
  } catch (error) {
    showToast(t("toast.failed", { reason: error.message }));
    return null;
  }
}

export const createBoardWith = (name, itemIds = []) =>
  changed(api.createBoard(currentUser(), { name, item_ids: itemIds }), t("boards.created", { name }));
export const replaceBoard = (board, changes, message) =>
  changed(api.changeBoard(currentUser(), board.id, { name: board.name, item_ids: board.item_ids, ...changes }), message);
export const addToBoard = (board, item) =>
  replaceBoard(board, { item_ids: [...new Set([...board.item_ids, item.item_id])] }, t("boards.added", { name: board.name }));
export const removeBoard = (board) => changed(api.removeBoard(currentUser(), board.id), t("boards.removed", { name: board.name }));
export const shareBoard = (board, isShared) => changed(api.shareBoard(currentUser(), board.id, isShared));

export function startBoards() {
  let user = "";
  session.subscribe((now) => {
    if (now.user === user) return;
    user = now.user;
    boards.set(NONE);
    loadBoards();
  });
  revision.subscribe(loadBoards);
  if (currentUser()) loadBoards();
}
