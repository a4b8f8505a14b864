// The conversation of this shopper: it survives a reload, and a failed or stopped reply can be asked for again.
import { streamReply } from "../api/chat_stream.js";
import { navigate, route } from "./route.js";
import { createStore, remembered } from "./store.js";

const MOST_TURNS = 30;
export const NARROW = window.matchMedia("(max-width: 68rem)");
const EMPTY_DRAFT = { text: "", picture: null, subject: null };
export const turns = createStore([]);
export const draft = createStore(EMPTY_DRAFT);
let owner = "", running = null;

const place = () => `chat.${owner}`;

// Only the newest state is needed to go on; the pictures of cards are addresses, and small.
function remember() {
  const recent = turns.get().slice(-MOST_TURNS).map((turn, index, all) => ({
    ...turn, picture: null,
    reply: { ...turn.reply, state: index >= all.length - 2 ? turn.reply.state : null,
      status: isOpen(turn) ? "stopped" : turn.reply.status },
  }));
  remembered.write(place(), recent);
}

const isOpen = (turn) => turn.reply.status === "waiting" || turn.reply.status === "streaming";
export const isBusy = (all) => all.length > 0 && isOpen(all.at(-1));

export function openConversation(user) {
  if (user === owner) return;
  stopReply();
  owner = user;
  turns.set(remembered.read(place(), []));
  draft.set({ ...EMPTY_DRAFT, text: remembered.read(`draft.${user}`, "") });
}

export function changeDraft(changes) {
  draft.set((before) => ({ ...before, ...changes }));
  remembered.write(`draft.${owner}`, draft.get().text);
}

export function startOver() {
  stopReply();
  turns.set([]);
  remembered.remove(place());
}

export const stateNow = () => turns.get().findLast((turn) => turn.reply.state)?.reply.state ?? null;

function update(id, changes) {
  turns.set((all) => all.map((turn) => (turn.id === id ? { ...turn, reply: { ...turn.reply, ...changes } } : turn)));
}

// Answer the last turn. `state` stands for what was understood before it.
async function answer(turn) {
  const controller = new AbortController();
  running = { id: turn.id, controller };
  const sender = owner;
  const start = performance.now();
  try {
    for await (const changes of streamReply({ ...turn, user: owner, signal: controller.signal })) {
      if (sender !== owner) return;
      if (changes.text && !turn.firstWordMs) turn.firstWordMs = performance.now() - start;
      update(turn.id, { status: "streaming", ...changes, seenMs: performance.now() - start });
    }
    update(turn.id, { status: "done" });
  } catch (error) {
    if (sender !== owner) return;
    update(turn.id, error.name === "AbortError" ? { status: "stopped" } : { status: "failed", error: error.message });
  } finally {
    if (running?.id === turn.id) running = null;
    if (sender === owner) remember();
  }
}

// With `isEdit` there are no words: the state was changed, and is listed again.
export function sendMessage(text, { state = stateNow(), picture = null, subject = null, isEdit = false } = {}) {
  if (isBusy(turns.get()) || (!text.trim() && !picture && !isEdit)) return;
  const turn = { id: `${Date.now()}`, text: text.trim(), picture, subject, state, isEdit, reply: { status: "waiting", text: "", items: [] } };
  turns.set((all) => [...all, turn]);
  if (!isEdit) changeDraft(EMPTY_DRAFT);
  answer(turn);
}

// Nothing is left of the need: the next message starts a new one.
export function forgetNeed() {
  const last = turns.get().at(-1);
  update(last.id, { state: { ...last.reply.state, request: null, offered: [], on_screen: [] } });
  remember();
}

export function retryReply(turn) {
  if (isBusy(turns.get())) return;
  update(turn.id, { status: "waiting", text: "", items: [], error: null });
  answer(turns.get().find((each) => each.id === turn.id));
}

export function stopReply() {
  running?.controller.abort();
}

export function openChat() {
  if (NARROW.matches && route.get().view !== "chat") navigate("/chat");
  setTimeout(() => document.getElementById("question")?.focus(), 50);
}

export function askAbout(item) {
  changeDraft({ subject: { item_id: item.item_id, title: item.title, image: item.image } });
  const { path, query } = route.get();
  navigate(NARROW.matches ? "/chat" : `${path}${query.size ? `?${query}` : ""}`, { replace: !NARROW.matches });
  setTimeout(() => document.getElementById("question")?.focus(), 50);
}
