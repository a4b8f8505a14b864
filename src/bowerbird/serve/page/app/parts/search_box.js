// The search in the header. The slash key goes there; Escape empties it.
import { html, useEffect, useRef, useState } from "../html.js";
import { navigate, route } from "../state/route.js";
import { searchAddress } from "../state/search.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";
import { Icon } from "./icons.js";

export function SearchBox() {
  const { view, query } = useStore(route);
  const shown = view === "search" ? query.get("q") ?? "" : "";
  const [text, setText] = useState(shown);
  const input = useRef(null), newest = useRef(0), sent = useRef("");
  useEffect(() => { // but not over what is being typed while the address of the last search comes
    if (document.activeElement !== input.current || input.current.value === sent.current) setText(shown);
  }, [shown]);
  useEffect(() => {
    const press = (event) => {
      if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      input.current.focus();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
  const submit = (event) => {
    event.preventDefault();
    sent.current = text;
    newest.current += 1;
    const attempt = newest.current;
    searchAddress(text.trim()).then((address) => { if (attempt === newest.current) navigate(address); });
  };
  const key = (event) => { if (event.key === "Escape") setText(""); };
  return html`<form class="search" role="search" onSubmit=${submit}>
    <${Icon} name="search" />
    <input ref=${input} type="search" id="query" enterkeyhint="search" maxlength="300" value=${text} aria-label=${t("search.label")}
      placeholder=${t("search.placeholder")} onInput=${(event) => setText(event.target.value)} onKeyDown=${key} />
  </form>`;
}
