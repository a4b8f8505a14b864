// A shopper's interests at three time-scales, each with what can be done about it.
import * as api from "../api/users.js";
import { html, useState } from "../html.js";
import { expireFeed } from "../state/feed.js";
import { itemAddress } from "../state/route.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { showToast } from "../state/toast.js";
import { percent, t } from "../texts/index.js";
import { Field } from "./field.js";
import { Thumbnail } from "./picture.js";

const SHOWN = 8;

async function change(work, reload) {
  try {
    await work;
    expireFeed();
    reload();
  } catch (error) {
    showToast(t("toast.failed", { reason: error.message }));
  }
}

function Weight({ user, interest, reload }) {
  const set = (weight) => change(api.correct(user, interest.name, weight), reload);
  return html`<div class="weight"><label>${t("taste.weight")}
    <${Field} type="range" min="0" max="30" step="1" value=${Math.round(interest.weight)} onChange=${(event) => set(Number(event.target.value))} /></label>
    <button type="button" class="quiet" onClick=${() => set(0)}>${t("taste.notMe")}</button>
    ${interest.corrected && html`<button type="button" class="quiet" onClick=${() => set(null)}>${t("taste.uncorrect")}</button>`}</div>`;
}

function Details({ user, interest, reload }) {
  const exclude = (item) => change(api.excludeItem(user, item.item_id), reload);
  return html`<div class="details">
    <h3>${t("taste.whyHere")}</h3>
    <ul class="examples">${interest.examples.map((item) => html`<li key=${item.item_id}>
      <a href=${itemAddress(item.item_id)}><${Thumbnail} item=${item} size=${56} />${item.title}</a>
      <button type="button" class="quiet" onClick=${() => exclude(item)}>${t("taste.notMine")}<span class="unseen"> ${item.title}</span></button></li>`)}</ul>
    <${Weight} user=${user} interest=${interest} reload=${reload} /></div>`;
}

const shareAt = (taste, scale, id) => taste.scales[scale]?.find((each) => each.id === id)?.share ?? 0;

function Interest({ taste, interest, strongest, reload }) {
  const { user } = useStore(session);
  const [isOpen, setOpen] = useState(false);
  const set = (flag, isSet) => change(api.setFlag(user, flag, interest.name, isSet), reload);
  const scales = Object.keys(taste.scales);
  return html`<li class=${`interest ${interest.muted ? "muted" : ""}`}>
    <div class="interest-line">
      <button type="button" class="name" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>${interest.name}${interest.corrected && html` <small>${t("taste.corrected")}</small>`}</button>
      <span class="bars">${scales.map((scale, index) => html`<span class="scale" key=${scale}><span class="unseen">${t(`taste.scale.${scale}`)}: ${percent(shareAt(taste, scale, interest.id))}</span>
        <span class=${`meter s${index}`} style=${{ width: `${Math.max(1, (100 * shareAt(taste, scale, interest.id)) / strongest)}%` }}></span></span>`)}</span>
      <span class="share">${percent(interest.share)}</span>
      <button type="button" aria-pressed=${interest.boosted ? "true" : "false"} onClick=${() => set("boosted", !interest.boosted)}>${t("taste.boost")}<span class="unseen"> ${interest.name}</span></button>
      <button type="button" aria-pressed=${interest.muted ? "true" : "false"} onClick=${() => set("muted", !interest.muted)}>${t("taste.mute")}<span class="unseen"> ${interest.name}</span></button>
    </div>
    ${isOpen && html`<${Details} user=${user} interest=${interest} reload=${reload} />`}</li>`;
}

function Rejected({ taste, reload }) {
  const { user } = useStore(session);
  if (!taste.rejected.length) return null;
  return html`<p class="chips">${taste.rejected.map((name) => html`<span class="constraint refused" key=${name}><span class="edit">${name}</span>
    <button type="button" class="remove" aria-label=${t("taste.takeBack", { name })} onClick=${() => change(api.correct(user, name, null), reload)}>↶</button></span>`)}</p>`;
}

export function InterestTable({ taste, reload }) {
  const [isLong, setLong] = useState(false);
  const strongest = Math.max(0.01, ...Object.values(taste.scales).flat().map((each) => each.share));
  const shown = isLong ? taste.interests : taste.interests.slice(0, SHOWN);
  return html`<section aria-labelledby="interests-title"><h2 id="interests-title">${t("taste.interests")}</h2>
    <ul class="legend scales">${Object.keys(taste.scales).map((scale, index) => html`<li key=${scale}><i class=${`s${index}`}></i>${t(`taste.scale.${scale}`)}</li>`)}</ul>
    <ul class="interests">${shown.map((interest) => html`<${Interest} key=${interest.id} taste=${taste} interest=${interest} strongest=${strongest} reload=${reload} />`)}</ul>
    ${taste.interests.length > SHOWN && html`<button type="button" class="quiet" onClick=${() => setLong(!isLong)}>${t(isLong ? "taste.fewer" : "taste.all", { count: taste.interests.length })}</button>`}
    <${Rejected} taste=${taste} reload=${reload} /></section>`;
}
