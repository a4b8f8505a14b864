// A search: its words, filters and order stand in the address; a picture can't, and lasts as long as the page.
import * as api from "../api/items.js";
import { append } from "./feed.js";
import { navigate, route } from "./route.js";
import { createStore } from "./store.js";

const EMPTY = { key: "", items: [], status: "idle", cursor: null, isAll: false, error: null, unknown: "" };
export const results = createStore(EMPTY);
export const queryPicture = createStore(null); // { file, address }
let newest = 0, controller = null;

export const ORDERS = ["best", "cheapest", "dearest"];

export function readRequest(query) {
  return {
    q: query.get("q") ?? "", low: query.get("low") ?? "", high: query.get("high") ?? "",
    kind: query.get("kind") ?? "", colour: query.get("colour") ?? "", stock: query.get("stock") === "in",
    order: ORDERS.includes(query.get("order")) ? query.get("order") : "best",
  };
}

function filterOf({ low, high, kind, colour, stock }, colourName) {
  const filter = {};
  if (low || high) filter.price = { ...(low && { min: Number(low) }), ...(high && { max: Number(high) }) };
  if (kind) filter.category = [kind];
  if (colour) filter.attributes = { [colourName]: [colour] };
  if (stock) filter.in_stock = true;
  return filter;
}

export const keyOf = (request, picture) => JSON.stringify([{ ...request, order: "" }, picture?.address.length ?? 0]);

export async function find(request, picture, colourName, { isMore = false } = {}) {
  const key = keyOf(request, picture), before = results.get();
  if (isMore && (before.status === "loading" || before.isAll)) return;
  controller?.abort();
  controller = new AbortController();
  const earlier = isMore ? before.items : [], attempt = ++newest;
  results.set({ ...EMPTY, key, items: earlier, cursor: isMore ? before.cursor : null, unknown: isMore ? before.unknown : "", status: "loading" });
  try {
    const after = { count: earlier.length, cursor: isMore ? before.cursor : null };
    const [page, reading] = await Promise.all([
      api.search({ q: request.q, filter: filterOf(request, colourName), picture: picture?.file }, after, controller.signal),
      isMore ? before : readingWithin(request.q),
    ]);
    if (attempt === newest) results.set((now) => ({ ...now, ...append(earlier, page), unknown: reading?.unknown ?? "", status: "ready" }));
  } catch (error) {
    if (attempt === newest && error.name !== "AbortError") results.set((now) => ({ ...now, status: "failed", error }));
  }
}

// What the filters of the result can be: the values that its items have.
export function choicesOf(items) {
  const values = (of) => [...new Set(items.map(of).filter(Boolean))].sort((a, b) => a.localeCompare(b));
  const colourName = items.some((item) => item.attributes.color) ? "color" : "colour";
  return { kinds: values((item) => item.category.at(-1)), colours: values((item) => item.attributes[colourName]), colourName };
}

export function ordered(items, order) {
  if (order === "best") return items;
  const sign = order === "cheapest" ? 1 : -1;
  const value = (item) => item.price ?? sign * Infinity; // those without a price come last either way
  return [...items].sort((a, b) => sign * (value(a) - value(b)));
}

// A link from elsewhere that has only words is read as if they had been typed.
export async function readLink() {
  const { query, item } = route.get(), text = query.get("q");
  if (!text || item || [...query.keys()].length > 1 || window.history.state?.inside) return;
  const address = await searchAddress(text);
  if (route.get().query.toString() === query.toString()) navigate(address, { replace: true });
}

const READING_MS = 1500;

// What the words of a search mean; nothing where the answer takes long.
async function readingWithin(text) {
  if (!text) return null;
  const late = new Promise((resolve) => setTimeout(resolve, READING_MS, null));
  return Promise.race([api.readingOf(text).catch(() => null), late]);
}

// The address of a search: what its words say of kind, colour and price becomes filters, which can be changed.
export async function searchAddress(text) {
  if (!text) return "/find";
  const reading = await readingWithin(text);
  const isFiltered = reading && (reading.kind || reading.colour || reading.price_min || reading.price_max || reading.order !== "best");
  const parameters = isFiltered
    ? { q: reading.words || text, kind: reading.kind, colour: reading.colour, low: reading.price_min, high: reading.price_max, order: reading.order === "best" ? "" : reading.order }
    : { q: text };
  return `/find?${new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== ""))}`;
}
