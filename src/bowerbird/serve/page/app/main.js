// The page: its frame, and the view that the address names.
import { html, render, useEffect, useRef, useState } from "./html.js";
import { Shell } from "./parts/shell.js";
import { Failure } from "./parts/states.js";
import { startBoards } from "./state/boards.js";
import { startChanges } from "./state/changes.js";
import { loadModule } from "./state/modules.js";
import { route, startRouting } from "./state/route.js";
import { startSession, session } from "./state/session.js";
import { useStore } from "./state/store.js";
import { language, startLanguage, t } from "./texts/index.js";

// Views come when they are first shown; the feed with the page.
const VIEWS = {
  feed: () => import("./views/feed.js").then((module) => module.FeedView),
  chat: () => import("./views/feed.js").then((module) => module.FeedView),
  search: () => import("./views/search.js").then((module) => module.SearchView),
  boards: () => import("./views/boards.js").then((module) => module.BoardsView),
  board: () => import("./views/board.js").then((module) => module.BoardView),
  shared: () => import("./views/shared.js").then((module) => module.SharedView),
  taste: () => import("./views/taste.js").then((module) => module.TasteView),
  admin: () => Promise.all([import("./views/admin.js"), addStyles("admin.css")]).then(([module]) => module.AdminView),
};
// A stylesheet of its own view, once.
function addStyles(name) {
  const href = new URL(`../styles/${name}`, import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  return new Promise((resolve, reject) => {
    Object.assign(link, { onload: resolve, onerror: () => { link.remove(); reject(new Error(href)); } });
    document.head.append(link);
  });
}

const TITLES = {
  feed: "nav.feed", chat: "nav.chat", search: "nav.search", boards: "nav.boards", board: "nav.boards",
  shared: "nav.boards", taste: "nav.taste",
};

const Missing = () => html`<section class="state"><h1 id="view-title" tabindex="-1">${t("error.page")}</h1>
  <p><a href="/">${t("action.home")}</a></p></section>`;

function useView(name) {
  const [loaded, setLoaded] = useState({ name: "", View: null, error: null });
  const load = () => loadModule(VIEWS[name] ?? (() => Promise.resolve(Missing)))
    .then((View) => setLoaded({ name, View, error: null }))
    .catch(() => setLoaded({ name, View: null, error: new Error(t("error.offline")) }));
  useEffect(() => { load(); }, [name]);
  return { ...loaded, load };
}

function App() {
  const { view } = useStore(route);
  const { user, health } = useStore(session);
  const code = useStore(language); // everything is drawn again in another language
  const { View, name, error, load } = useView(view);
  const isFirst = useRef(true);
  useEffect(() => {
    if (view !== "admin") document.title = TITLES[view] ? `${t(TITLES[view])} · bowerbird` : "bowerbird";
  }, [view, code]);
  useEffect(() => { // a change of the view is said, and the keyboard goes on from there
    if (name !== view || !View) return;
    if (!isFirst.current && view !== "chat") document.getElementById("view-title")?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [name, View]);
  const isNeeded = view === "shared" || user;
  return html`<${Shell} health=${health}>
    ${error && html`<${Failure} error=${error} retry=${load} />`}
    ${View && isNeeded && html`<${View} key=${view} />`}
  <//>`;
}

function StartFailure({ error }) {
  return html`<main class="alone"><${Failure} error=${error} retry=${start} /></main>`;
}

async function start() {
  const root = document.getElementById("app");
  await startLanguage();
  try {
    render(html`<${App} />`, root);
    if (route.get().view !== "shared") await startSession();
    startBoards();
    startChanges();
  } catch (error) {
    render(html`<${StartFailure} error=${error} />`, root);
  }
}

startRouting();
start();
