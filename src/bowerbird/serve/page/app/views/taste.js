// The shopper's taste, and their hands on it: every change holds from the next list on.
import * as api from "../api/users.js";
import { html } from "../html.js";
import { InterestTable } from "../parts/interest_table.js";
import { Preview } from "../parts/taste_preview.js";
import { Thumbnail } from "../parts/picture.js";
import { Privacy } from "../parts/privacy.js";
import { Failure } from "../parts/states.js";
import { Stream } from "../parts/stream.js";
import { itemAddress } from "../state/route.js";
import { revision } from "../state/changes.js";
import { useCall } from "../state/call.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { day, price, t } from "../texts/index.js";

const ItemRows = ({ items }) => html`<ul class="things">${items.map((item) => html`<li key=${item.item_id}><a href=${itemAddress(item.item_id)}>
  <${Thumbnail} item=${item} size=${64} title=${item.title} /></a></li>`)}</ul>`;

function changeSentence({ clear, since }) {
  if (clear === null) return t("taste.unchanged");
  return t(clear ? "taste.changedAt" : "taste.perhapsAt", { day: day(since) });
}

function Changes({ changed }) {
  return html`<section class="panel" aria-labelledby="changes-title"><h2 id="changes-title">${t("taste.changes")}</h2><p>${changeSentence(changed)}</p>
    ${changed.interests.map((change) => html`<div key=${change.name}><p><strong>${change.name}</strong> ${t(`taste.${change.change}`)}</p><${ItemRows} items=${change.items.slice(0, 6)} /></div>`)}</section>`;
}

function Facts({ taste }) {
  return html`<div class="panels">
    <${Changes} changed=${taste.changed} />
    ${taste.price_comfort.length > 0 && html`<section class="panel" aria-labelledby="prices-title"><h2 id="prices-title">${t("taste.prices")}</h2>
      ${taste.price_comfort.map((comfort) => html`<p key=${comfort.currency}>${t("taste.priceRange", { low: price(comfort.low, comfort.currency), high: price(comfort.high, comfort.currency), median: price(comfort.median, comfort.currency) })}</p>`)}</section>`}
    ${taste.hidden.length > 0 && html`<section class="panel" aria-labelledby="hidden-title"><h2 id="hidden-title">${t("taste.hidden")}</h2><${ItemRows} items=${taste.hidden.slice(0, 12)} /></section>`}
    <${Similar} user=${taste.user} />
  </div>`;
}

function Similar({ user }) {
  const { data } = useCall(() => api.similarUsers(user), [user]);
  if (!data) return null;
  return html`<section class="panel" aria-labelledby="similar-title"><h2 id="similar-title">${t("taste.similar")}</h2>
    ${data.users ? html`<p class="hint">${t("taste.similarCount", { count: data.users })}</p>
      <ul class="plain">${data.interests.slice(0, 6).map((each) => html`<li key=${each.name}>${each.name}</li>`)}</ul>`
      : html`<p class="hint">${t("taste.similarFew", { count: data.at_least })}</p>`}</section>`;
}

export function TasteView() {
  const { user } = useStore(session);
  const changes = useStore(revision).taste;
  // Together, so that nothing moves when the second one comes.
  const { data, error, retry } = useCall(() => Promise.all([api.taste(user), api.stream(user)]), [user, changes]);
  const [taste, stream] = data ?? [];
  return html`<section class="taste" aria-labelledby="view-title">
    <div class="heading"><h1 id="view-title" tabindex="-1">${t("nav.taste")}</h1></div>
    <p class="hint">${t("taste.hint")}</p>
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${!data && !error && html`<p class="state" aria-busy="true">${t("feed.loading")}</p>`}
    ${stream?.drawing && html`<${Stream} drawing=${stream.drawing} />`}
    ${taste && (taste.interests.length
      ? html`<${InterestTable} taste=${taste} reload=${retry} /><${Preview} user=${user} changes=${changes} version=${JSON.stringify(taste.interests.map((each) => [each.id, each.weight, each.muted, each.boosted]))} /><${Facts} taste=${taste} />`
      : html`<p class="state">${t("taste.empty")}</p>`)}
    ${taste && html`<${Privacy} user=${user} />`}
  </section>`;
}
