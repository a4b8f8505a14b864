// Who may call, who is to be forgotten, and who changed what.
import { audit, createKey, expireKey, keys, revokeKey, rotateKey } from "../api/operations.js";
import { forget } from "../api/users.js";
import { html, useState } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { Field } from "../parts/field.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { showToast } from "../state/toast.js";
import { number } from "../texts/index.js";
import { Confirm, useWork } from "./confirm.js";

const ROLES = { read: "see items, search, get lists", chat: "use the assistant", "events:write": "send events", admin: "everything" };
const time = (at) => new Date(at).toLocaleString();

function NewKey({ newKey, close }) {
  const copy = () => navigator.clipboard.writeText(newKey.key).then(() => showToast("Copied"), () => showToast("Copying is not allowed here: select the text."));
  return html`<${Dialog} title="Note this key now" close=${close} className="small"><div class="fields"><p>It is shown only this once, and stored nowhere.</p>
    <label>Key<input readonly value=${newKey.key} onFocus=${(event) => event.target.select()} /></label>
    <div class="dialog-acts"><button type="button" onClick=${copy}>Copy</button><button type="button" class="primary" onClick=${close}>I have noted it</button></div></div><//>`;
}

function KeyForm({ show }) {
  const [isRunning, run] = useWork();
  const submit = (event) => {
    event.preventDefault();
    const form = event.target, values = new FormData(form), roles = values.getAll("role");
    if (!roles.length) return showToast("Choose at least one role.");
    return run(async () => { show(await createKey({ roles, days: Number(values.get("days")) || null, note: values.get("note").trim() })); form.reset(); });
  };
  return html`<form class="key-form" onSubmit=${submit} aria-label="Make a key"><fieldset><legend>What it allows</legend>${Object.entries(ROLES).map(([role, text]) => html`<label key=${role} class="check"><input type="checkbox" name="role" value=${role} />${role}: ${text}</label>`)}</fieldset>
    <label>Days until it ends<input name="days" type="number" min="0.01" step="any" placeholder="never" /></label><label>What it is for<input name="note" maxlength="200" /></label><button class="primary" disabled=${isRunning}>Make a key</button></form>`;
}

function ExpiryDialog({ apiKey, close, done }) {
  const [isRunning, run] = useWork();
  const submit = (event) => {
    event.preventDefault();
    const days = Number(new FormData(event.target).get("days"));
    run(async () => { await expireKey(apiKey.id, days); close(); done(); });
  };
  return html`<${Dialog} title=${`When does ${apiKey.id} end?`} close=${close} className="small"><form class="fields" onSubmit=${submit}><label>In days<${Field} name="days" type="number" min="0.01" step="any" required autofocus value="30" /></label>
    <button class="primary" disabled=${isRunning}>Set</button></form><//>`;
}

function KeyRow({ apiKey, ask }) {
  const act = (name, text) => html`<button type="button" onClick=${() => ask({ name, apiKey })}>${text}<span class="unseen"> ${apiKey.id}</span></button>`;
  return html`<li class=${`key ${apiKey.state}`} data-key=${apiKey.id}><div><strong>${apiKey.note || apiKey.id}</strong> <span class="numbers">${apiKey.state}</span>
      <p class="hint">${apiKey.roles.join(", ")} · ${apiKey.id} · made ${time(apiKey.created)}${apiKey.expires ? ` · ends ${time(apiKey.expires)}` : " · does not end"}</p></div>
    ${apiKey.state === "valid" && html`<div class="chips">${act("expire", "Let it end")}${act("rotate", "Rotate")}${act("revoke", "Revoke")}</div>`}</li>`;
}

function Keys({ call: { data, error, retry } }) {
  const [pending, setPending] = useState(null), [newKey, setNewKey] = useState(null);
  const close = () => setPending(null);
  const rotate = async () => { setNewKey(await rotateKey(pending.apiKey.id, 24)); retry(); };
  const revoke = async () => { await revokeKey(pending.apiKey.id); showToast("Revoked: it opens nothing any more."); retry(); };
  return html`<section class="panel wide" aria-labelledby="keys-title"><h2 id="keys-title">API keys</h2>
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${data && html`${!data.required && html`<p class="notice">This server asks for no keys: it is meant for one machine. Start it with <code>--keys</code> to have it ask.</p>`}
      <${KeyForm} show=${(key) => { setNewKey(key); retry(); }} />
      <ul class="keys" aria-label="Keys">${data.keys.map((key) => html`<${KeyRow} key=${key.id} apiKey=${key} ask=${setPending} />`)}</ul>`}
    ${pending?.name === "expire" && html`<${ExpiryDialog} apiKey=${pending.apiKey} close=${close} done=${retry} />`}
    ${pending?.name === "rotate" && html`<${Confirm} title="Rotate this key?" action="Rotate" close=${close} work=${rotate}><p>A successor with the same roles is made and shown once. The old key goes on for 24 hours.</p><//>`}
    ${pending?.name === "revoke" && html`<${Confirm} title="Revoke this key?" action="Revoke" isDanger close=${close} work=${revoke}><p>Whoever uses it is locked out at once. This can't be undone.</p><//>`}
    ${newKey && html`<${NewKey} newKey=${newKey} close=${() => setNewKey(null)} />`}</section>`;
}

function Erasures({ waiting, done }) {
  const [user, setUser] = useState("");
  const ask = (event) => { event.preventDefault(); setUser(new FormData(event.target).get("user").trim()); };
  const erase = async () => {
    const { status } = await forget(user);
    showToast(status === "acknowledged" ? "Erased: no answer names this user any more." : "There is nothing of this user.");
    done();
  };
  return html`<section class="panel" aria-labelledby="erase-title"><h2 id="erase-title">Erase a user</h2>
    <p class="hint">Events, taste, boards and what was shown to them. ${waiting ? `${number(waiting)} erasures are still being removed from files.` : "No erasure is waiting."}</p>
    <form class="new-board" onSubmit=${ask}><label class="unseen" for="erase-user">Id of the user</label><input id="erase-user" name="user" required autocomplete="off" placeholder="Id of the user" /><button class="danger">Erase</button></form>
    ${user && html`<${Confirm} title=${`Erase ${user}?`} action="Erase" isDanger close=${() => setUser("")} work=${erase}><p>Everything of this user is removed from every file. This can't be undone.</p><//>`}</section>`;
}

const AuditLog = ({ entries }) => html`<section class="panel" aria-labelledby="audit-title"><h2 id="audit-title">Audit log</h2><p class="hint">It never names a user.</p>
  ${entries.length ? html`<ul class="audit">${entries.map((entry, index) => html`<li key=${index}><strong>${entry.action}</strong> <span class="numbers">${time(entry.at)} · ${entry.caller}${Object.entries(entry.details).map(([name, each]) => ` · ${name} ${each}`).join("")}</span></li>`)}</ul>` : html`<p>Nothing was changed yet.</p>`}</section>`;

export function Section() {
  const keysCall = useCall(keys, []), { data, error, retry } = useCall(() => audit({ n: 50 }), []);
  const isAboveComplete = keysCall.data || keysCall.error; // what stands below the keys would be pushed down by them
  return html`<${Keys} call=${keysCall} />${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${data && isAboveComplete && html`<div class="panels"><${Erasures} waiting=${data.erasures_waiting} done=${retry} /><${AuditLog} entries=${data.entries} /></div>`}`;
}
