// The feed: what is recommended, in the ranking's order, with more at its end.
import { html, useEffect, useRef } from "../html.js";
import { Card } from "../parts/card.js";
import { Icon } from "../parts/icons.js";
import { Masonry, Skeletons } from "../parts/masonry.js";
import { Empty, Failure } from "../parts/states.js";
import { feed, loadFeed } from "../state/feed.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { language, t } from "../texts/index.js";

const EAGER = 8; // pictures above the fold

function End({ load }) {
  const mark = useRef(null);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && load(), { rootMargin: "900px" });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [load]);
  return html`<div ref=${mark} class="end-mark" aria-hidden="true"></div>`;
}

const loadMore = () => loadFeed();
const refresh = () => {
  window.scrollTo({ top: 0 });
  return loadFeed({ isFresh: true });
};

export function FeedView() {
  const { user, users } = useStore(session);
  const { items, status, error, isAll, hasNewPicks, user: owner, language: written } = useStore(feed);
  const code = useStore(language);
  useEffect(() => { if (user && (owner !== user || written !== code)) loadFeed({ isFresh: true }); }, [user, owner, code, written]);
  const isNewcomer = !users.includes(user);
  return html`<section aria-labelledby="view-title" class="feed">
    <div class="heading"><h1 id="view-title" tabindex="-1">${t("feed.title")}</h1>
      <button type="button" class="quiet" onClick=${refresh}><${Icon} name="retry" />${t("feed.refresh")}</button></div>
    ${isNewcomer && html`<p class="hint">${t("feed.welcome")}</p>`}
    <div class="news-place">${hasNewPicks && html`<button type="button" class="news" onClick=${refresh}><${Icon} name="up" />${t("feed.new")}</button>`}</div>
    ${!items.length && status !== "ready" && status !== "failed" && html`<${Skeletons} />`}
    <${Masonry} label=${t("feed.title")}>
      ${items.map((item, index) => html`<${Card} key=${item.item_id} item=${item} rank=${index + 1} eager=${index < EAGER} surface=${{ list_id: "feed", position: index + 1 }} />`)}
    <//>
    ${status === "failed" && html`<${Failure} error=${error} retry=${loadMore} />`}
    ${status === "ready" && !items.length && html`<${Empty} text=${t("feed.empty")} />`}
    <p class="more" role="status">${status === "loading" && items.length ? t("feed.more") : ""}
      ${isAll && items.length > 0 && status === "ready" ? t("feed.end") : ""}</p>
    ${status === "ready" && !isAll && html`<${End} load=${loadMore} key=${items.length} />`}
  </section>`;
}
