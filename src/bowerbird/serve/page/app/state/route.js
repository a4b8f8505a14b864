// The address bar is the state: which view, its query, and which item is open over it.
import { createStore } from "./store.js";

const VIEWS = [
  [/^\/$/, "feed"],
  [/^\/chat$/, "chat"],
  [/^\/find$/, "search"],
  [/^\/boards$/, "boards"],
  [/^\/boards\/([^/]+)$/, "board"],
  [/^\/shared\/([^/]+)$/, "shared"],
  [/^\/taste$/, "taste"],
  [/^\/admin(?:\/([^/]+))?$/, "admin"],
];
const scrolls = new Map(); // where each entry of the history was scrolled to

function parse() {
  const { pathname, search } = window.location;
  const query = new URLSearchParams(search);
  const item = query.get("item");
  query.delete("item");
  for (const [pattern, view] of VIEWS) {
    const match = pattern.exec(pathname);
    if (match) return { view, id: match[1] ? decodeURIComponent(match[1]) : "", query, item, path: pathname };
  }
  return { view: "missing", id: "", query, item, path: pathname };
}

const entryKey = () => window.history.state?.key ?? "first";
export const route = createStore(parse());

export function navigate(href, { replace = false } = {}) {
  scrolls.set(entryKey(), window.scrollY);
  const key = replace ? entryKey() : `${Date.now()}-${Math.random()}`;
  window.history[replace ? "replaceState" : "pushState"]({ key, inside: true }, "", href);
  const before = route.get();
  route.set(parse());
  if (!replace && before.path !== route.get().path) window.scrollTo(0, 0);
}

// The address of the same view with other parameters; an empty one goes.
export function addressWith(parameters, { path, query, item } = route.get()) {
  const next = new URLSearchParams(query);
  if (item) next.set("item", item);
  for (const [name, value] of Object.entries(parameters)) {
    next.delete(name);
    for (const each of [value].flat()) if (each !== null && each !== undefined && each !== "") next.append(name, each);
  }
  const search = next.toString();
  return search ? `${path}?${search}` : path;
}

export const itemAddress = (itemId) => addressWith({ item: itemId });

// Back, where the page itself was before; else the view below.
export function closeItem() {
  if (window.history.state?.inside) window.history.back();
  else navigate(addressWith({ item: null }), { replace: true });
}

export function restoreScroll() {
  window.scrollTo(0, scrolls.get(entryKey()) ?? 0);
}

export function startRouting() {
  window.history.scrollRestoration = "manual";
  window.addEventListener("popstate", () => {
    const before = route.get().path;
    route.set(parse());
    if (route.get().path !== before) requestAnimationFrame(() => requestAnimationFrame(restoreScroll));
  });
  window.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='/']");
    if (!link || event.defaultPrevented || event.button || link.target || link.hasAttribute("download")) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(link.getAttribute("href"));
  });
}
