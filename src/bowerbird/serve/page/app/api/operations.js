// What operators see and change; the role admin may call it.
import { encoded, get, send } from "./request.js";

const withQuery = (path, parameters) => {
  const filled = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return filled.length ? `${path}?${new URLSearchParams(filled)}` : path;
};

export const traceOf = (user, n = 20) => get(withQuery(`/users/${encoded(user)}/recommendations/trace`, { n }));
export const catalogue = (query) => get(withQuery("/catalogue", query));

export const rules = () => get("/rules");
export const previewRules = (body) => send("POST", "/rules/preview", body);
export const publishRules = (body) => send("PUT", "/rules", body);

export const versions = () => get("/versions");
export const difference = (before, after) => get(withQuery("/versions/difference", { before, after }));
export const rollBack = (number) => send("POST", "/versions/rollback", { number });

export const outcomes = (query) => get(withQuery("/outcomes", query));
export const shownLists = (query) => get(withQuery("/exposures", query));
export const shownList = (id) => get(`/exposures/${encoded(id)}`);

export const keys = () => get("/keys");
export const createKey = (body) => send("POST", "/keys", body);
export const rotateKey = (id, graceHours) => send("POST", `/keys/${encoded(id)}/rotation`, { grace_hours: graceHours });
export const expireKey = (id, days) => send("PUT", `/keys/${encoded(id)}/expiry`, { days });
export const revokeKey = (id) => send("DELETE", `/keys/${encoded(id)}`);
export const audit = (query) => get(withQuery("/audit", query));
