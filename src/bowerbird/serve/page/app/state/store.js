// A value that views watch, and what is remembered between visits.
import { useEffect, useState } from "../html.js";

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

export function useStore(store) {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    setValue(store.get()); // it may have changed between the first rendering and here
    return store.subscribe(setValue);
  }, [store]);
  return value;
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
