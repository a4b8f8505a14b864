// The assistant: the conversation, and the message box below it.
import { html, useEffect, useRef } from "../html.js";
import { Composer } from "../parts/composer.js";
import { Icon } from "../parts/icons.js";
import { Turn } from "../parts/turn.js";
import { acceptDrop, acceptPaste } from "../state/picture_input.js";
import { isBusy, openConversation, sendMessage, startOver, turns } from "../state/chat.js";
import { navigate, route } from "../state/route.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";

const OPENERS = ["chat.opener.1", "chat.opener.2", "chat.opener.3", "chat.opener.4"];

function Openers() {
  return html`<div class="openers"><p>${t("chat.welcome")}</p><div class="chips">${OPENERS.map((name) => html`
    <button type="button" class="chip" key=${name} onClick=${() => sendMessage(t(name))}>${t(name)}</button>`)}</div></div>`;
}

export function Chat() {
  const { user } = useStore(session);
  const { view } = useStore(route);
  const all = useStore(turns);
  const talk = useRef(null);
  useEffect(() => openConversation(user), [user]);
  const last = all.at(-1);
  useEffect(() => { // a new message comes into sight; while the reply grows, the reader stays where they are
    const bubble = talk.current?.querySelector(".turn:last-child");
    if (bubble) talk.current.scrollTo({ top: bubble.offsetTop - 12 });
  }, [last?.id]);
  const close = () => (window.history.state?.inside ? window.history.back() : navigate("/"));
  return html`<section class="chat" aria-labelledby="chat-title" onPaste=${acceptPaste} onDragOver=${(event) => event.preventDefault()} onDrop=${acceptDrop}>
    <header class="chat-bar">
      <h2 id="chat-title">${t("chat.title")}</h2>
      ${all.length > 0 && html`<button type="button" class="quiet" onClick=${startOver}><${Icon} name="plus" />${t("chat.new")}</button>`}
      ${view === "chat" && html`<button type="button" class="quiet round close" aria-label=${t("action.close")} onClick=${close}><${Icon} name="close" /></button>`}
    </header>
    <div class="talk" ref=${talk} tabindex="0" role="log" aria-live="off" aria-label=${t("chat.log")}>
      ${all.length ? all.map((turn) => html`<${Turn} key=${turn.id} turn=${turn} isLast=${turn === last} />`) : html`<${Openers} />`}
    </div>
    <p class="unseen" role="status">${last?.reply.status === "done" ? last.reply.text.split("\n")[0] : ""}${isBusy(all) ? t("chat.thinking") : ""}</p>
    <${Composer} />
  </section>`;
}
