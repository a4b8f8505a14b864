// The frame of every view: header, navigation, the assistant beside it, the item over it, messages.
import { offline } from "../api/request.js";
import { html, useEffect, useState } from "../html.js";
import { NARROW } from "../state/chat.js";
import { loadModule } from "../state/modules.js";
import { closeItem, route } from "../state/route.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";
import { KeyDialog } from "./key_dialog.js";
import { SearchBox } from "./search_box.js";
import { Settings } from "./settings.js";
import { Failure } from "./states.js";
import { Toast } from "./toast.js";

const LINKS = [["feed", "/"], ["search", "/find"], ["chat", "/chat"], ["boards", "/boards"], ["taste", "/taste"]];
const ALONE = ["shared", "admin"]; // views without the assistant
const SAME = { board: "boards", shared: "boards" };

function Navigation() {
  const { view } = useStore(route);
  const current = SAME[view] ?? view;
  return html`<nav class="tabs" aria-label=${t("nav.main")}>${LINKS.map(([name, href]) => html`
    <a key=${name} href=${href} class=${`tab ${name}`} aria-current=${current === name ? "page" : null}>
      <${Icon} name=${name} /><span>${t(`nav.${name}`)}</span></a>`)}</nav>`;
}

// What is needed after the first paint only; `close` where it is a dialog.
function Later({ from, name, close, ...properties }) {
  const [{ Part, error }, setLoaded] = useState({});
  const load = () => loadModule(from).then((module) => setLoaded({ Part: module[name] }))
    .catch(() => setLoaded({ error: new Error(t("error.offline")) }));
  useEffect(() => { load(); }, []);
  if (Part) return html`<${Part} ...${properties} />`;
  const failure = error && html`<${Failure} error=${error} retry=${load} />`;
  return failure && close ? html`<${Dialog} title=${t("item.details")} close=${close} className="small">${failure}<//>` : failure;
}

export function Shell({ health, children }) {
  const { view, item } = useStore(route);
  const { user } = useStore(session);
  const isOffline = useStore(offline);
  const isCovered = view === "chat" && NARROW.matches; // by the assistant: neither keyboard nor reader goes there
  return html`
    <a class="skip" href="#content" onClick=${focusOn("view-title")}>${t("skip.content")}</a>
    ${!ALONE.includes(view) && html`<a class="skip" href="#question" onClick=${focusOn("question")}>${t("skip.chat")}</a>`}
    <header class="bar" inert=${isCovered}>
      <a class="brand" href="/"><img src=${new URL("../../icon.svg", import.meta.url)} alt="" width="28" height="28" />bowerbird</a>
      <${SearchBox} />
      <${Navigation} />
      <${Settings} />
    </header>
    ${isOffline && html`<p class="notice warning" role="status">${t("notice.offline")}</p>`}
    <div class=${`columns ${ALONE.includes(view) ? "single" : ""}`}>
      <main id="content" class=${`view-${view}`} inert=${isCovered}>
        ${health?.synthetic && html`<p class="notice">${t("notice.synthetic")}</p>`}
        ${children}
      </main>
      ${!ALONE.includes(view) && html`<aside id="assistant" class=${view === "chat" ? "open" : ""} aria-label=${t("nav.chat")}>
        ${user && html`<${Later} from=${() => import("../views/chat.js")} name="Chat" key=${user} />`}
      </aside>`}
    </div>
    ${item && (user || view === "shared") && html`<${Later} from=${() => import("../views/item.js")} name="ItemSheet" close=${closeItem} key=${item} itemId=${item} />`}
    <${KeyDialog} /><${Toast} />`;
}

const focusOn = (id) => (event) => {
  event.preventDefault();
  document.getElementById(id)?.focus();
};
