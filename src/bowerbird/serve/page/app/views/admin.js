// For operators, in English: the frame of their sections. Each comes when it is first opened.
import { html, useEffect, useRef, useState } from "../html.js";
import { Failure } from "../parts/states.js";
import { loadModule } from "../state/modules.js";
import { route } from "../state/route.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";

const SECTIONS = [
  ["", "Overview", () => import("../admin/overview.js")],
  ["users", "As a user", () => import("../admin/as_user.js")],
  ["catalogue", "Catalogue", () => import("../admin/catalogue.js")],
  ["rules", "Rules", () => import("../admin/rules.js")],
  ["versions", "Versions", () => import("../admin/versions.js")],
  ["outcomes", "Outcomes", () => import("../admin/outcomes.js")],
  ["inspector", "Lists and chats", () => import("../admin/inspector.js")],
  ["access", "Keys and erasure", () => import("../admin/access.js")],
];

function Tabs({ current }) {
  const nav = useRef(null);
  useEffect(() => { // on a narrow screen, only some are in sight
    const link = nav.current.querySelector("[aria-current]");
    if (link) nav.current.scrollLeft = link.offsetLeft - nav.current.clientWidth / 2 + link.offsetWidth / 2;
  }, [current]);
  return html`<nav class="sections" ref=${nav} aria-label="Operations"><ul>${SECTIONS.map(([name, title]) => html`<li key=${name}>
    <a href=${name ? `/admin/${name}` : "/admin"} aria-current=${name === current ? "page" : null}>${title}</a></li>`)}</ul></nav>`;
}

function useSection(name) {
  const [loaded, setLoaded] = useState({ name: null, Section: null, error: null });
  const entry = SECTIONS.find(([each]) => each === name);
  const load = () => entry && loadModule(entry[2])
    .then((module) => setLoaded({ name, Section: module.Section, error: null }))
    .catch(() => setLoaded({ name, Section: null, error: new Error(t("error.offline")) }));
  useEffect(() => { load(); }, [name]);
  return { ...loaded, title: entry?.[1], load };
}

export function AdminView() {
  const { id } = useStore(route);
  const { name, Section, error, title, load } = useSection(id);
  useEffect(() => { document.title = `${title ?? "Operations"} · bowerbird`; }, [title]);
  return html`<section class="admin" lang="en" aria-labelledby="view-title">
    <h1 id="view-title" tabindex="-1">${title ?? "There is no such section"}</h1>
    <${Tabs} current=${id} />
    ${error && html`<${Failure} error=${error} retry=${load} />`}
    ${Section && name === id && html`<${Section} key=${name} />`}
  </section>`;
}
