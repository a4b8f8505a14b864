// One user's events, taste and boards.
import { language } from "../texts/index.js";
import { encoded, get, send } from "./request.js";

const of = (user) => `/users/${encoded(user)}`;

// Actions by their names in Segment's e-commerce specification.
const EVENTS = { save: "Product Added to Wishlist", hide: "Product Hidden", click: "Product Clicked" };

export function track(user, action, item, surface = {}) {
  const timestamp = new Date().toISOString();
  return send("POST", "/v1/track", {
    type: "track", userId: user, event: EVENTS[action], timestamp,
    messageId: `${user}-${action}-${item.item_id}-${timestamp}`,
    properties: { product_id: item.item_id, price: item.price, ...(item.listId && { recommendation_id: item.listId }), ...surface },
  });
}

export const users = (n = 50) => get(`/users?n=${n}`);
export const excludeItem = (user, itemId) => send("PUT", `${of(user)}/taste/excluded-items/${encoded(itemId)}`);
export const includeItem = (user, itemId) => send("DELETE", `${of(user)}/taste/excluded-items/${encoded(itemId)}`);

export const taste = (user) => get(`${of(user)}/taste`);
export const interests = (user) => get(`${of(user)}/interests`);
export const stream = (user) => get(`${of(user)}/taste/stream`);
export const similarUsers = (user) => get(`${of(user)}/taste/similar-users`);
export const setFlag = (user, flag, interest, isSet) =>
  send(isSet ? "PUT" : "DELETE", `${of(user)}/taste/${flag}/${encoded(interest)}`);
export const correct = (user, interest, weight) => send("PUT", `${of(user)}/taste/weight`, { interest, weight });
export const exportOf = (user) => get(`${of(user)}/taste/export`);
export const forget = (user) => send("DELETE", of(user));

export const boards = (user) => get(`${of(user)}/boards`);
export const createBoard = (user, board) => send("POST", `${of(user)}/boards`, board);
export const changeBoard = (user, id, board) => send("PUT", `${of(user)}/boards/${encoded(id)}`, board);
export const removeBoard = (user, id) => send("DELETE", `${of(user)}/boards/${encoded(id)}`);
export const shareBoard = (user, id, isShared) =>
  send(isShared ? "PUT" : "DELETE", `${of(user)}/boards/${encoded(id)}/share`);
export const completions = (user, id) => get(`${of(user)}/boards/${encoded(id)}/completions?language=${language.get()}`);
export const sharedBoard = (token) => get(`/shared-boards/${encoded(token)}`);
