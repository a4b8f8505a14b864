// A value that views watch, and what is remembered between visits.
import { useEffect, useRef, useState } from "../html.js";

export function createStore(initial) {
  let value = initial;
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = typeof next === "function" ? next(value) : next;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

// What `select` takes from the store's value; the view renders again when that changes.
export function useStore(store, select = (value) => value) {
  const [, setShown] = useState(() => select(store.get())), newest = useRef(select);
  newest.current = select;
  useEffect(() => {
    const show = () => setShown(newest.current(store.get()));
    show(); // it may have changed between the first rendering and here
    return store.subscribe(show);
  }, [store]);
  return select(store.get());
}

// Storage may be full or forbidden: then nothing is remembered, and everything else works.
export const remembered = {
  read(name, otherwise = null, storage = "localStorage") {
    try {
      return JSON.parse(window[storage].getItem(`bowerbird.${name}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  write(name, value, storage = "localStorage") {
    try {
      window[storage].setItem(`bowerbird.${name}`, JSON.stringify(value));
    } catch { /* see above */ }
  },
  remove(name, storage = "localStorage") {
    try {
      window[storage].removeItem(`bowerbird.${name}`);
    } catch { /* see above */ }
  },
};
