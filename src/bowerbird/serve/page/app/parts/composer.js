// The message box: words, a picture, an item that is asked about; sending once.
import { html, useEffect, useRef, useState } from "../html.js";
import { changeDraft, draft, isBusy, sendMessage, stopReply, turns } from "../state/chat.js";
import { acceptPicture } from "../state/picture_input.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";
import { Icon } from "./icons.js";
import { sized } from "./picture.js";
import { canListen, listen } from "./voice.js";

const IS_TOUCH = window.matchMedia("(pointer: coarse)").matches;

function PictureButton({ label, icon, capture }) {
  const input = useRef(null);
  const choose = (event) => {
    acceptPicture(event.target.files[0]);
    event.target.value = ""; // so that the same file can be chosen again
  };
  return html`<button type="button" class="quiet round" aria-label=${label} onClick=${() => input.current.click()}><${Icon} name=${icon} /></button>
    <input ref=${input} type="file" accept="image/*" capture=${capture} hidden onChange=${choose} aria-label=${label} />`;
}

function Microphone() {
  const [stop, setStop] = useState(null);
  const click = () => {
    if (stop) return stop();
    const end = listen((text) => changeDraft({ text: `${draft.get().text} ${text}`.trim() }), () => setStop(null));
    return setStop(() => end);
  };
  return html`<button type="button" class="quiet round" aria-pressed=${stop ? "true" : "false"} aria-label=${t("chat.speakIn")} onClick=${click}><${Icon} name="mic" /></button>`;
}

function Attachments({ picture, subject }) {
  return html`<div class="attachments">
    ${subject && html`<span class="about">${subject.image && html`<img src=${sized(subject.image, 224)} alt="" width="32" height="32" />`}${subject.title}
      <button type="button" class="quiet" aria-label=${t("chat.detach")} onClick=${() => changeDraft({ subject: null })}><${Icon} name="close" /></button></span>`}
    ${picture && html`<span class="about"><img src=${picture} alt=${t("chat.yourPicture")} width="48" height="48" />
      <button type="button" class="quiet" aria-label=${t("chat.detach")} onClick=${() => changeDraft({ picture: null })}><${Icon} name="close" /></button></span>`}
  </div>`;
}

export function Composer() {
  const { text, picture, subject } = useStore(draft);
  const isRunning = isBusy(useStore(turns));
  const input = useRef(null);
  useEffect(() => { // as high as its text
    input.current.style.height = "auto";
    input.current.style.height = `${Math.min(140, input.current.scrollHeight + 2)}px`;
  }, [text]);
  const send = (event) => {
    event?.preventDefault();
    sendMessage(text, { picture, subject });
  };
  const press = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
    if (event.key === "ArrowUp" && !text) changeDraft({ text: turns.get().at(-1)?.text ?? "" });
  };
  return html`<form class="composer" onSubmit=${send}>
    ${(picture || subject) && html`<${Attachments} picture=${picture} subject=${subject} />`}
    <textarea id="question" ref=${input} rows="1" maxlength="2000" value=${text} aria-label=${t("chat.label")} placeholder=${t(subject ? "chat.askItem" : "chat.placeholder")}
      onInput=${(event) => changeDraft({ text: event.target.value })} onKeyDown=${press}></textarea>
    <div class="composer-acts">
      <${PictureButton} label=${t("chat.addPicture")} icon="picture" />
      ${IS_TOUCH && html`<${PictureButton} label=${t("chat.takePicture")} icon="camera" capture="environment" />`}
      ${canListen() && html`<${Microphone} />`}
      ${isRunning
        ? html`<button type="button" key="stop" class="round primary" aria-label=${t("chat.stop")} onClick=${stopReply}><${Icon} name="stop" /></button>`
        : html`<button key="send" class="round primary" aria-label=${t("chat.send")} disabled=${!text.trim() && !picture}><${Icon} name="send" /></button>`}
    </div>
  </form>`;
}
