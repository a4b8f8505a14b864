// Who is shopping, the language and the appearance.
import { html, useState } from "../html.js";
import { chooseUser, session } from "../state/session.js";
import { remembered, useStore } from "../state/store.js";
import { chooseLanguage, language, LANGUAGES, t } from "../texts/index.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";

function chooseTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  remembered.remove("theme");
  try {
    if (theme) localStorage.setItem("bowerbird.theme", theme); // as plain text: early.js reads it
  } catch { /* nothing is remembered */ }
}

function Choice({ label, id, value, options, choose }) {
  return html`<label for=${id}>${label}<select id=${id} value=${value} onChange=${(event) => choose(event.target.value)}>
    ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}
  </select></label>`;
}

function SettingsDialog({ close }) {
  const { user, users, newcomer } = useStore(session);
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "");
  const choices = users.map((each) => [each, each]);
  if (newcomer) choices.push([newcomer, t("settings.newcomer")]);
  return html`<${Dialog} title=${t("nav.settings")} close=${close} className="small">
    <div class="fields">
      <${Choice} id="shopper" label=${t("settings.shopper")} value=${user} options=${choices} choose=${chooseUser} />
      <${Choice} id="language" label=${t("settings.language")} value=${language.get()} options=${Object.entries(LANGUAGES)} choose=${chooseLanguage} />
      <${Choice} id="theme" label=${t("settings.theme")} value=${theme} choose=${(next) => { setTheme(next); chooseTheme(next); }}
        options=${[["", t("settings.system")], ["light", t("settings.light")], ["dark", t("settings.dark")]]} />
      ${users.length > 1 && html`<a href="/admin" onClick=${close}>${t("settings.admin")}</a>`}
    </div>
  <//>`;
}

export function Settings() {
  const [isOpen, setOpen] = useState(false);
  return html`<button type="button" class="quiet round settings" aria-label=${t("nav.settings")} aria-haspopup="dialog" onClick=${() => setOpen(true)}>
      <${Icon} name="settings" /></button>
    ${isOpen && html`<${SettingsDialog} close=${() => setOpen(false)} />`}`;
}
