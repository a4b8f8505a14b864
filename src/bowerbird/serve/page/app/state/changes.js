// What happens in other windows and on the server: one open connection for all tabs of a browser.
import { call, encoded } from "../api/request.js";
import { serverEvents } from "../api/server_events.js";
import { announceNewPicks } from "./feed.js";
import { session } from "./session.js";
import { createStore } from "./store.js";

// Counts changes of the shopper's taste and boards; views that show them ask again when it grows.
export const revision = createStore({ taste: 0, boards: 0 });
const RETRY_MS = 3000;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("bowerbird.changes") : null;

function apply({ user, kind }) {
  if (user !== session.get().user || !(kind in revision.get())) return;
  revision.set((before) => ({ ...before, [kind]: before[kind] + 1 }));
  if (kind === "taste") announceNewPicks();
}

async function listen(user, signal) {
  let isAgain = false;
  while (!signal.aborted) {
    try {
      const response = await call(`/users/${encoded(user)}/changes`, { signal });
      for await (const { changed } of serverEvents(response)) {
        const kinds = changed === "start" && isAgain ? ["taste", "boards"] : [changed]; // what was missed meanwhile
        for (const kind of kinds) {
          apply({ user, kind });
          channel?.postMessage({ user, kind });
        }
        isAgain = true;
      }
    } catch (error) {
      if (error.status === 404 || error.status === 403) return;
    }
    if (!signal.aborted) await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

// A browser allows six connections to one server: only the tab that holds the lock listens, for all.
function listenAlone(user, signal) {
  if (!navigator.locks) return listen(user, signal);
  const options = { signal };
  return navigator.locks.request(`bowerbird.changes.${user}`, options, () => listen(user, signal)).catch(() => {});
}

export function startChanges() {
  channel?.addEventListener("message", ({ data }) => apply(data));
  let controller = null, current = "";
  const follow = ({ user }) => {
    if (!user || user === current) return;
    controller?.abort();
    controller = new AbortController();
    current = user;
    listenAlone(user, controller.signal);
  };
  session.subscribe(follow);
  follow(session.get());
}
