// Who is shopping: one of the server's users, the user of a token, or a new visitor.
import { keyRequest } from "../api/request.js";
import { users } from "../api/users.js";
import { get } from "../api/request.js";
import { createStore, remembered } from "./store.js";

export const session = createStore({ user: "", users: [], health: null, newcomer: "" });

// A user token names its only user in its payload; a key has none.
function userOfToken() {
  const payload = remembered.read("key", "", "sessionStorage").split(".")[1];
  try {
    return payload ? JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))).sub : "";
  } catch {
    return "";
  }
}

function newcomerId() {
  const id = remembered.read("newcomer") ?? `visitor-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  remembered.write("newcomer", id);
  return id;
}

export async function startSession() {
  const nobody = { users: [] };
  const [health, listed] = await Promise.all([get("/healthz"), userOfToken() ? nobody : users().catch(() => nobody)]);
  const own = userOfToken(); // a key may have been asked for meanwhile
  const known = own ? [own] : listed.users;
  const newcomer = own ? "" : newcomerId();
  const wanted = own || remembered.read("user");
  const user = [...known, newcomer].includes(wanted) ? wanted : known[0] ?? newcomer;
  session.set({ user, users: known, health, newcomer });
}

export function chooseUser(user) {
  remembered.write("user", user);
  session.set((before) => ({ ...before, user }));
}

// A new visitor without a past, under a new id.
export function startAfresh() {
  remembered.remove("newcomer");
  const newcomer = newcomerId();
  session.set((before) => ({ ...before, newcomer, users: before.users.filter((each) => each !== before.user) }));
  chooseUser(newcomer);
}

export { keyRequest };
