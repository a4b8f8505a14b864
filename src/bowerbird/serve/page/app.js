// The page: a feed, a person's interests, a chat. Data reaches the document as text only, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);
let messages = [];
let dialogueState = null; // of the last reply: it goes back with the next message
let shopper = "";
let latest = 0; // number of the newest question about the feed: an older answer is dropped

function element(tag, { text, className, ...rest } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  for (const [name, value] of Object.entries(rest)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A server that others can reach asks for an API key (role admin, since the page lists shoppers). It is
// remembered until the tab is closed.
async function request(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  const answer = await fetch(path, { ...options, headers });
  if (answer.status !== 401) return answer;
  const given = window.prompt("This server asks for an API key:");
  if (!given) return answer;
  sessionStorage.setItem("key", given.trim());
  return request(path, options);
}

async function ask(path, options) {
  const answer = await request(path, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ? body.error.message : answer.statusText);
  return body;
}

const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

function priceOf(item) {
  if (item.price === null || item.price === undefined) return "";
  return `${item.price.toFixed(2)} ${item.currency || ""}`.trim();
}

function card(item, small) {
  const text = element("div", {}, element("h3", { text: item.title || item.item_id }));
  if (priceOf(item)) text.append(element("span", { text: priceOf(item), className: "price" }));
  const why = (item.differences && item.differences.length ? item.differences.join("; ") : item.reason || item.why) || "";
  if (why) text.append(element("p", { text: why, className: "why" }));
  if (!small) text.append(acts(item));
  const picture = element("img", { src: item.image, alt: item.title || "", loading: "lazy", width: "224", height: "224" });
  picture.addEventListener("error", () => picture.remove());
  return element("article", { className: "card", "data-item": item.item_id }, picture, text);
}

function acts(item) {
  const row = element("div", { className: "acts" });
  const choices = [["Save", "Product Added to Wishlist", "main"], ["Buy", "Order Completed", ""], ["Hide", "Product Hidden", ""]];
  for (const [label, event, className] of choices) {
    const button = element("button", { text: label, className, "aria-label": `${label} ${item.title}` });
    button.addEventListener("click", guarded(() => track(event, item)));
    row.append(button);
  }
  return row;
}

async function track(event, item) {
  const product = { product_id: item.item_id, price: item.price };
  const properties = event === "Order Completed" ? { products: [product] } : product;
  const now = new Date().toISOString();
  await post("/v1/track", { type: "track", userId: shopper, event, properties, timestamp: now, messageId: `${shopper}-${now}` });
  await refresh();
}

function show(items, title, state) {
  byId("feed-title").textContent = title;
  byId("feed-state").textContent = state || "";
  byId("feed").replaceChildren(...items.map((item) => card(item, false)));
}

async function refresh() {
  const asked = ++latest;
  const person = encodeURIComponent(shopper);
  const [feed, taste] = await Promise.all([
    ask(`/users/${person}/recommendations?n=24`),
    ask(`/users/${person}/interests`),
  ]);
  if (asked !== latest) return; // somebody else was chosen meanwhile
  show(feed.items, "For you");
  const strongest = taste.interests.slice(0, 8);
  byId("interests").replaceChildren(...strongest.map((one) => {
    const bar = element("span", { className: "bar" });
    bar.style.width = `${Math.max(4, (100 * one.share) / strongest[0].share)}%`;
    return element("li", {}, bar, element("span", { text: one.name }), element("span", { text: `${Math.round(100 * one.share)} %` }));
  }));
}

function say(role, text) {
  const said = element("div", { className: `said ${role}`, text });
  byId("talk").append(said);
  said.scrollIntoView({ block: "nearest" });
  return said;
}

// One server-sent event may come in several network reads, so lines are cut at blank lines only.
async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    const parts = waiting.split("\n\n");
    waiting = parts.pop();
    for (const part of parts) if (part.startsWith("data: ") && part !== "data: [DONE]") yield JSON.parse(part.slice(6));
  }
}

async function converse(text) {
  const mine = messages;
  for (const chips of byId("talk").querySelectorAll(".suggestions")) chips.remove();
  mine.push({ role: "user", content: text });
  say("user", text);
  const reply = say("assistant", "…");
  try {
    const told = await streamed(mine, reply);
    mine.push({ role: "assistant", content: told });
  } catch (error) {
    mine.pop();
    reply.textContent = error.message;
  }
}

async function streamed(mine, reply) {
  const extension = dialogueState ? { state: dialogueState } : {};
  const body = JSON.stringify({ model: "bowerbird", messages: mine, stream: true, user: shopper, bowerbird: extension });
  const answer = await request("/v1/chat/completions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (!answer.ok) throw new Error((await answer.json()).error.message);
  let told = "";
  for await (const event of events(answer)) {
    if (mine !== messages) break; // another shopper's conversation has begun
    told += event.choices[0].delta.content || "";
    reply.textContent = told || "…";
    if (event.bowerbird?.state) {
      reply.textContent = event.bowerbird.text; // the chunks are escaped, for clients that render Markdown
      showReply(reply, event.bowerbird); // a first chunk holds items only
    }
  }
  return told;
}

// What a reply shows besides its words: a comparison or cards, and what may be said next.
function showReply(reply, { state, items, comparison, suggestions }) {
  dialogueState = state;
  const lines = reply.textContent.split("\n");
  const talk = byId("talk");
  if (comparison) {
    reply.textContent = lines[0];
    talk.append(comparisonTable(comparison, items));
  } else if (items.length) {
    // The cards show the items: the bubble keeps what is said before and after them.
    reply.textContent = [lines[0], ...(state.question ? lines.slice(-1) : [])].join("\n");
    talk.append(element("div", { className: "products" }, ...items.map((item) => card(item, true))));
  }
  if (suggestions.length) talk.append(element("div", { className: "suggestions" }, ...suggestions.map(suggestionChip)));
  talk.scrollTop = reply.offsetTop - talk.offsetTop;
}

function comparisonTable({ rows }, items) {
  const row = (name, cells, tag) =>
    element("tr", {}, element("th", { text: name, scope: "row" }), ...cells.map((text) => element(tag, { text })));
  const head = row("", items.map((item) => item.title || item.item_id), "th");
  return element("table", { className: "comparison" }, head, ...rows.map(({ name, values }) => row(name, values, "td")));
}

function suggestionChip(text) {
  const chip = element("button", { text, type: "button" });
  chip.addEventListener("click", guarded(() => converse(text)));
  return chip;
}

async function start() {
  byId("search").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const query = byId("query").value.trim();
    if (!query) return refresh();
    byId("feed-state").textContent = "Searching…";
    const asked = ++latest;
    const found = await ask(`/search?n=24&q=${encodeURIComponent(query)}`);
    if (asked !== latest) return;
    show(found.items, `“${query}”`, found.items.length ? "" : "Nothing found.");
  }));
  byId("ask").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const text = byId("question").value.trim();
    if (!text) return;
    byId("question").value = "";
    await converse(text);
  }));
  byId("shopper").addEventListener("change", guarded(async () => {
    shopper = byId("shopper").value;
    messages = [];
    dialogueState = null;
    byId("talk").replaceChildren();
    await refresh();
  }));
  const health = await ask("/healthz"); // first: one question for a key, not two
  const people = await ask("/users?n=50");
  byId("synthetic").hidden = !health.synthetic;
  const names = people.users.length ? people.users : ["guest"];
  byId("shopper").replaceChildren(...names.map((name) => element("option", { text: name, value: name })));
  shopper = names[0];
  await refresh();
}

const guarded = (work) => (event) => work(event).catch((error) => { byId("feed-state").textContent = error.message; });

start().catch((error) => { byId("feed-state").textContent = error.message; });
