// Everything that is stored of a shopper: to take along, and to have erased.
import * as api from "../api/users.js";
import { html, useState } from "../html.js";
import { startOver } from "../state/chat.js";
import { expireFeed } from "../state/feed.js";
import { navigate } from "../state/route.js";
import { startAfresh } from "../state/session.js";
import { showToast } from "../state/toast.js";
import { t } from "../texts/index.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";

async function download(user) {
  try {
    const content = JSON.stringify(await api.exportOf(user), null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
    link.download = "my-taste.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  } catch (error) {
    showToast(t("toast.failed", { reason: error.message }));
  }
}

export function Privacy({ user }) {
  const [isAsking, setAsking] = useState(false);
  const forget = async () => {
    setAsking(false);
    try {
      await api.forget(user);
      startOver();
      expireFeed();
      startAfresh();
      navigate("/");
      showToast(t("privacy.forgotten"));
    } catch (error) {
      showToast(t("toast.failed", { reason: error.message }));
    }
  };
  return html`<section class="panel" aria-labelledby="privacy-title"><h2 id="privacy-title">${t("privacy.title")}</h2><p class="hint">${t("privacy.hint")}</p>
    <div class="item-acts"><button type="button" onClick=${() => download(user)}><${Icon} name="down" />${t("privacy.export")}</button>
      <button type="button" class="danger" aria-haspopup="dialog" onClick=${() => setAsking(true)}><${Icon} name="trash" />${t("privacy.forget")}</button></div>
    ${isAsking && html`<${Dialog} title=${t("privacy.sure")} close=${() => setAsking(false)} className="small"><p>${t("privacy.sureHint")}</p><br />
      <div class="item-acts"><button type="button" class="danger" onClick=${forget}>${t("privacy.forget")}</button><button type="button" onClick=${() => setAsking(false)}>${t("action.cancel")}</button></div><//>`}
  </section>`;
}
