// What was understood, as chips: each can be taken away or changed, and the list comes again.
import { html, useState } from "../html.js";
import { forgetNeed, sendMessage } from "../state/chat.js";
import { number, t } from "../texts/index.js";
import { Field } from "./field.js";
import { Icon } from "./icons.js";
import { isConstrained, withoutExclusion, withoutFacet, withPrice } from "../state/need.js";

const listAgain = (state) => (isConstrained(state) ? sendMessage("", { state, isEdit: true }) : forgetNeed());

function priceWords({ low, high }) {
  if (low > 0 && high !== null) return t("need.between", { low: number(low), high: number(high) });
  return low > 0 ? t("need.from", { low: number(low) }) : t("need.upTo", { high: number(high) });
}

function Chip({ label, remove, edit, isEditing, className = "" }) {
  return html`<span class=${`constraint ${className}`}>
    ${edit ? html`<button type="button" class="edit" aria-expanded=${isEditing ? "true" : "false"} aria-label=${t("need.edit", { name: label })} onClick=${edit}>${label}</button>` : html`<span class="edit">${label}</span>`}
    <button type="button" class="remove" aria-label=${t("need.remove", { name: label })} onClick=${remove}><${Icon} name="close" /></button></span>`;
}

function PriceForm({ state, close }) {
  const { low, high } = state.request.price;
  const submit = (event) => {
    event.preventDefault();
    const values = new FormData(event.target);
    close();
    listAgain(withPrice(state, Number(values.get("low")) || 0, Number(values.get("high")) || null));
  };
  return html`<form class="edit-need" onSubmit=${submit}>
    <label>${t("search.priceMin")}<${Field} name="low" type="number" min="0" step="any" inputmode="decimal" value=${low || ""} /></label>
    <label>${t("search.priceMax")}<${Field} name="high" type="number" min="0" step="any" inputmode="decimal" value=${high ?? ""} autofocus /></label>
    <button class="primary">${t("action.ok")}</button></form>`;
}

function ValueForm({ facet, value, close }) {
  const submit = (event) => {
    event.preventDefault();
    const next = new FormData(event.target).get("value").trim();
    close();
    if (next && next !== value) sendMessage(t("need.rather", { value: next }));
  };
  return html`<form class="edit-need" onSubmit=${submit}><label>${facet}<${Field} name="value" required maxlength="60" value=${value} autofocus /></label>
    <button class="primary">${t("action.ok")}</button></form>`;
}

export function Constraints({ reply }) {
  const [editing, setEditing] = useState("");
  const { state } = reply, request = state?.request;
  if (!request || (!reply.items?.length && !reply.unmet?.length)) return null;
  const close = () => setEditing("");
  const toggle = (name) => setEditing(editing === name ? "" : name);
  const hasPrice = request.price.low > 0 || request.price.high !== null;
  const label = (value) => reply.labels?.[value] ?? value.toLowerCase();
  const wordingOf = (facet, all) => (all.length > 2 && request.wording[facet] ? label(request.wording[facet]) : all.map(label).join(all.length > 2 ? ", " : " / "));
  const values = Object.entries(request.facets).map(([facet, all]) => [facet, wordingOf(facet, all)]);
  const excluded = [...Object.entries(request.excluded), ...Object.entries(state.excluded)].flatMap(([facet, all]) => all.map((value) => [facet, value]));
  const unique = excluded.filter(([facet, value], index) => excluded.findIndex(([f, v]) => f === facet && v === value) === index);
  if (!values.length && !hasPrice && !unique.length) return null;
  return html`<div class="constraints" role="group" aria-label=${t("need.understood")}>
    ${values.map(([facet, words]) => html`<${Chip} key=${facet} label=${words} isEditing=${editing === facet} edit=${() => toggle(facet)} remove=${() => listAgain(withoutFacet(state, facet))} />`)}
    ${hasPrice && html`<${Chip} label=${priceWords(request.price)} isEditing=${editing === "price"} edit=${() => toggle("price")} remove=${() => listAgain(withPrice(state, 0, null))} />`}
    ${unique.map(([facet, value]) => html`<${Chip} key=${value} className="refused" label=${t("need.not", { value: label(value) })} remove=${() => listAgain(withoutExclusion(state, facet, value))} />`)}
    ${editing === "price" && html`<${PriceForm} state=${state} close=${close} />`}
    ${editing && editing !== "price" && html`<${ValueForm} key=${editing} facet=${editing} value=${values.find(([facet]) => facet === editing)?.[1] ?? ""} close=${close} />`}
  </div>`;
}
