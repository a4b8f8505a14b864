/** Reads items, recommends, saves to a board and chats: `node dist/example.js http://127.0.0.1:8080`. */

import { createClient, streamChat } from "./index.js";

declare const process: { argv: string[] };

const url = process.argv[2] ?? "http://127.0.0.1:8080";
const client = createClient({ url });

function check(condition: unknown, text: string): asserts condition {
  if (!condition) throw new Error(text);
}

const { data: popular } = await client.GET("/popular", { params: { query: { n: 3 } } });
check(popular?.items.length === 3, "three items");
const exclude = popular.items.map((item) => item.item_id);

const { data: picks } = await client.POST("/recommendations", {
  body: { user: "team/anna", n: 5, exclude, filter: { price: { max: 1000 } } },
});
check(picks?.items.every((item) => !exclude.includes(item.item_id)), "none of the excluded items");

const path = { user: "team/anna" };
const { data: board } = await client.POST("/users/{user}/boards", {
  params: { path },
  body: { name: "My room", item_ids: exclude },
});
const { data: boards } = await client.GET("/users/{user}/boards", { params: { path } });
check(boards?.own.some((own) => own.id === board?.id), "the board is there");

const { error } = await client.GET("/items/{item_id}", { params: { path: { item_id: "nothing" } } });
check(error?.error.message.includes("nothing"), "an error says what is missing");

let text = "";
for await (const chunk of streamChat({ url }, { messages: [{ role: "user", content: "a red lamp" }] })) {
  text += chunk.choices[0]?.delta.content ?? "";
}
check(text.includes("lamp"), "the assistant names lamps");
console.log(text, "ok");
