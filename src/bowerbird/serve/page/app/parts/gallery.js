// The pictures of an item: one large, the others to choose from.
import { html, useState } from "../html.js";
import { t, titleOf } from "../texts/index.js";
import { Picture } from "./picture.js";

export function Gallery({ item }) {
  // Those of other hosts would tell them who looks at what: the page loads none.
  const pictures = [item.image, ...(item.additional_images ?? [])].filter((each) => each?.startsWith("/"));
  const [shown, setShown] = useState(0);
  const src = pictures[Math.min(shown, pictures.length - 1)] ?? null;
  return html`<div class="gallery">
    <div class="frame"><${Picture} item=${item} src=${src} alt=${titleOf(item)} sizes="(min-width: 48rem) 28rem, 100vw" eager /></div>
    ${pictures.length > 1 && html`<div class="thumbs" role="group" aria-label=${t("item.pictures")}>${pictures.map((each, index) => html`
      <button type="button" key=${each} aria-pressed=${index === shown ? "true" : "false"} aria-label=${t("item.picture", { count: index + 1 })}
        onClick=${() => setShown(index)}><img src=${each} alt="" width="64" height="64" loading="lazy" /></button>`)}</div>`}
  </div>`;
}
