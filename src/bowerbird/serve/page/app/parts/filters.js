// The filters of a search. Each change is an address of its own, so that Back takes it back.
import { html } from "../html.js";
import { addressWith, navigate } from "../state/route.js";
import { ORDERS } from "../state/search.js";
import { t } from "../texts/index.js";
import { Field } from "./field.js";

const change = (parameters) => navigate(addressWith(parameters));

function Select({ name, label, value, options }) {
  const texts = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  if (value && !texts.some(([key]) => key === value)) texts.push([value, value]);
  return html`<label>${label}<select name=${name} value=${value} onChange=${(event) => change({ [name]: event.target.value })}>
    ${texts.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}</select></label>`;
}

const Amount = ({ name, label, value }) => html`<label>${label}<${Field} name=${name} type="number" min="0" step="any" inputmode="decimal"
  value=${value} onChange=${(event) => change({ [name]: event.target.value })} /></label>`;

export function Filters({ request, choices }) {
  return html`<form class="filters" aria-label=${t("search.filters")} onSubmit=${(event) => event.preventDefault()}>
    <${Select} name="kind" label=${t("item.kind")} value=${request.kind} options=${[["", t("search.any")], ...choices.kinds]} />
    <${Select} name="colour" label=${t("search.colour")} value=${request.colour} options=${[["", t("search.any")], ...choices.colours]} />
    <${Amount} name="low" label=${t("search.priceMin")} value=${request.low} />
    <${Amount} name="high" label=${t("search.priceMax")} value=${request.high} />
    <${Select} name="order" label=${t("search.order")} value=${request.order} options=${ORDERS.map((order) => [order, t(`search.order.${order}`)])} />
    <label class="check"><input type="checkbox" checked=${request.stock} onChange=${(event) => change({ stock: event.target.checked ? "in" : "" })} />${t("item.inStock")}</label>
  </form>`;
}
