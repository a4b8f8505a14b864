// One short message at the lower edge, with one thing to do about it.
import { createStore } from "./store.js";

const SHOWN_MS = 6000;
export const toast = createStore(null);
// Open dialogs, the topmost last: the message is shown in that one.
export const layers = createStore([]);
let timer = 0;

export function openLayer(id) {
  layers.set((open) => [...open, id]);
  return () => layers.set((open) => open.filter((each) => each !== id));
}

export function showToast(text, action = null) {
  clearTimeout(timer);
  toast.set({ text, action, id: Date.now() });
  timer = setTimeout(() => toast.set(null), SHOWN_MS);
}

export function dismissToast() {
  clearTimeout(timer);
  toast.set(null);
}

// While it is pointed at or focused it stays.
export const holdToast = () => clearTimeout(timer);
export function releaseToast() {
  timer = setTimeout(() => toast.set(null), SHOWN_MS);
}
