// What a reply was made of: what was understood, which versions answered, and what it cost beside the stock model.
import { html, useState } from "../html.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { number, t } from "../texts/index.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";

const money = (amount, currency) => `${number(amount, 6)} ${currency}`.trim();

function Bars({ cost }) {
  const stages = [["understand", cost.understand_ms], ["find", cost.find_ms], ["write", cost.write_ms]];
  const maxMs = Math.max(1, ...stages.map(([, ms]) => ms));
  return html`<dl class="stages">${stages.map(([name, ms]) => html`<div key=${name}><dt>${t(`glass.${name}`)}</dt>
    <dd><span class="meter" style=${{ width: `${(70 * ms) / maxMs}%` }}></span>${number(ms)} ms</dd></div>`)}</dl>`;
}

function CostTable({ cost }) {
  const { stock_model: stock } = cost;
  const row = (name, own, other) => html`<tr><th scope="row">${t(name)}</th><td>${own}</td>${stock && html`<td>${other}</td>`}</tr>`;
  const tokens = (each) => `${number(each.prompt_tokens)} + ${number(each.completion_tokens)}`;
  return html`<table class="comparison">
    <thead><tr><td></td><th scope="col">${t("glass.here")}</th>${stock && html`<th scope="col">${t("glass.stock")}</th>`}</tr></thead>
    <tbody>
      ${row("glass.time", `${number(cost.ms)} ms`, stock && `${number(stock.ms)} ms`)}
      ${row("glass.tokens", tokens(cost), stock && tokens(stock))}
      ${row("glass.money", money(cost.money, cost.currency), stock && money(stock.money, cost.currency))}
    </tbody></table>
    ${!stock && html`<p class="hint">${t("glass.noStock")}</p>`}`;
}

function Box({ reply, close }) {
  const { health } = useStore(session);
  const request = reply.state?.request;
  const facts = [
    ["glass.act", reply.act], ["glass.language", reply.state?.language], ["glass.constraints", reply.constraints?.join(", ")],
    ["glass.words", request?.words], ["glass.unmet", reply.unmet?.join(", ")], ["glass.writer", t(`glass.writer.${reply.writer}`)],
    ["glass.model", reply.cost.model ?? t("glass.noModel")], ["glass.set", reply.versions],
  ].filter(([, value]) => value);
  const versions = Object.entries(health?.versions ?? {}).filter(([, name]) => name);
  return html`<${Dialog} title=${t("glass.title")} close=${close}>
    <dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${t(name)}</dt><dd>${value}</dd></div>`)}</dl>
    <h3>${t("glass.cost")}</h3><${Bars} cost=${reply.cost} /><${CostTable} cost=${reply.cost} />
    <details><summary>${t("glass.versions")}</summary><dl class="facts">${versions.map(([kind, name]) => html`<div key=${kind}><dt>${kind}</dt><dd>${name}</dd></div>`)}</dl></details>
  <//>`;
}

export function GlassBox({ reply }) {
  const [isOpen, setOpen] = useState(false);
  return html`<button type="button" class="quiet" aria-haspopup="dialog" onClick=${() => setOpen(true)}><${Icon} name="glass" />${t("glass.open", { ms: number(reply.cost.ms) })}</button>
    ${isOpen && html`<${Box} reply=${reply} close=${() => setOpen(false)} />`}`;
}
