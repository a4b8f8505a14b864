// Items: recommended, searched for, and single ones.
import { language } from "../texts/index.js";
import { encoded, get } from "./request.js";

export const PAGE_SIZE = 24;
const MAX_ITEMS = 200; // the server's limit of one list

const query = (parameters) => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== null && value !== undefined && value !== "") search.set(name, value);
  return search.toString();
};

// The next items of a list: by the server's cursor; from one that has none, a longer list without those known.
async function nextPage(path, parameters, { count = 0, cursor = null }, options) {
  const n = cursor || !count ? PAGE_SIZE : Math.min(MAX_ITEMS, count + PAGE_SIZE);
  const answer = await get(`${path}?${query({ ...parameters, n, cursor })}`, options);
  const isAll = "next_cursor" in answer ? !answer.next_cursor : answer.items.length < n || n === MAX_ITEMS;
  return { items: answer.items, cursor: answer.next_cursor ?? null, isAll, listId: answer.recommendation_id ?? null };
}

export const recommendations = (user, after = {}) =>
  nextPage(`/users/${encoded(user)}/recommendations`, { language: language.get() }, after);

export const item = (itemId) => get(`/items/${encoded(itemId)}`);
export const similar = (itemId, n = 12) => get(`/items/${encoded(itemId)}/similar?n=${n}`);
export const complements = (itemId, n = 8) => get(`/items/${encoded(itemId)}/complements?${query({ n, language: language.get() })}`);
export const explanation = (user, itemId) => get(`/users/${encoded(user)}/taste/explain?item=${encoded(itemId)}`);
export const trending = (after = {}) => nextPage("/trending", {}, after);

export const readingOf = (q) => get(`/search/reading?q=${encoded(q)}`);

// Items by words, by a picture, or by both: then the words say what is to be different.
export function search({ q, filter, picture }, after = {}, signal = undefined) {
  const parameters = { q, filter: Object.keys(filter).length ? JSON.stringify(filter) : null };
  const options = picture ? { signal, method: "POST", body: picture, headers: { "Content-Type": picture.type } } : { signal };
  return nextPage("/search", parameters, after, options);
}
