// What operators see and change; the role admin may call it.
import { encoded, get } from "./request.js";

const withQuery = (path, parameters) => {
  const filled = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return filled.length ? `${path}?${new URLSearchParams(filled)}` : path;
};

export const traceOf = (user, n = 20) => get(withQuery(`/users/${encoded(user)}/recommendations/trace`, { n }));
export const catalogue = (query) => get(withQuery("/catalogue", query));
