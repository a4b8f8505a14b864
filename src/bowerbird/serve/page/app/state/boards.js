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
    if (user !== currentUser() || waiting) return; // after the last change there is another answer
    boards.set({ ...answer, error: null, isLoading: false });
    showSaved(answer.saved);
  } catch (error) {
    boards.set((before) => ({ ...before, error, isLoading: false }));
  }
}

let changes = Promise.resolve(), waiting = 0, unsent = [];

// Who leaves the page loses no change: those that still wait for the one before are sent at once.
window.addEventListener("pagehide", () => unsent.splice(0).forEach((work) => work().catch(() => {})));

function sendOnce(work) {
  if (!unsent.includes(work)) return null;
  unsent = unsent.filter((each) => each !== work);
  return work();
}

// One change after the other, each shown at once: a late answer to one must not undo the next.
function change(work, message) {
  waiting += 1;
  unsent.push(work);
  changes = changes.then(() => sendOnce(work)).then(
    (result) => { if (message) showToast(message); return result; },
    (error) => { showToast(t("toast.failed", { reason: error.message })); return null; },
  ).then(async (result) => {
    waiting -= 1;
    await loadBoards();
    return result;
  });
  return changes;
}

let creation = null; // a second click makes no second board

export function createBoardWith(name, itemIds = []) {
  creation ??= change(() => api.createBoard(currentUser(), { name, item_ids: itemIds }), t("boards.created", { name }))
    .finally(() => { creation = null; });
  return creation;
}

export function replaceBoard({ id, name, item_ids: itemIds }, changed, message) {
  const body = { name, item_ids: itemIds, ...changed };
  boards.set((now) => ({ ...now, own: now.own.map((each) => (each.id === id ? { ...each, ...body } : each)) }));
  return change(() => api.changeBoard(currentUser(), id, body), message);
}

export const addToBoard = (board, item) =>
  replaceBoard(board, { item_ids: [...new Set([...board.item_ids, item.item_id])] }, t("boards.added", { name: board.name }));
export const removeBoard = (board) => change(() => api.removeBoard(currentUser(), board.id), t("boards.removed", { name: board.name }));
export const shareBoard = (board, isShared) => change(() => api.shareBoard(currentUser(), board.id, isShared));

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
