// Before the first paint: the theme that was chosen, so that no light page flashes at night; and another try
// where a module of the page could not be loaded, then a message in place of the page.
try {
  const theme = localStorage.getItem("bowerbird.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* no storage here: the system's theme */ }
const PATIENCE_MS = 10_000;
const INCOMPLETE = { // the texts may be what could not be loaded
  en: ["The page could not be loaded completely.", "Try again"],
  de: ["Die Seite konnte nicht vollständig geladen werden.", "Noch einmal"],
  es: ["La página no se ha podido cargar por completo.", "Reintentar"],
  fr: ["La page n’a pas pu être chargée entièrement.", "Réessayer"],
  it: ["La pagina non è stata caricata del tutto.", "Riprova"],
};
const wasTried = () => {
  try {
    const before = Number(sessionStorage.getItem("bowerbird.retried"));
    sessionStorage.setItem("bowerbird.retried", Date.now());
    return Date.now() - before < PATIENCE_MS;
  } catch { return true; } // no storage: it would be tried for ever
};
const preferredTexts = () => {
  let chosen = null;
  try { chosen = JSON.parse(localStorage.getItem("bowerbird.language")); } catch { /* the browser's */ }
  const code = [chosen, ...navigator.languages.map((each) => each.slice(0, 2))].find((each) => each in INCOMPLETE);
  return INCOMPLETE[code ?? "en"];
};
addEventListener("error", ({ target }) => {
  if (target.type !== "module") return;
  if (!wasTried()) {
    setTimeout(() => location.reload(), 1000);
    return;
  }
  const [message, again] = preferredTexts();
  const state = Object.assign(document.createElement("main"), { className: "alone state" });
  state.setAttribute("role", "alert");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: again });
  button.addEventListener("click", () => location.reload());
  state.append(Object.assign(document.createElement("p"), { textContent: message }), button);
  document.getElementById("app")?.replaceChildren(state);
  addEventListener("online", () => location.reload());
}, true);
