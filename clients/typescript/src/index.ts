/** A client of bowerbird's API: every path of the OpenAPI document, with its types, and chats as they are written. */

import createFetchClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Bowerbird = Client<paths>;
export type ChatRequest = Omit<Schemas["ChatRequest"], "stream" | "model">;

export interface Options {
  /** Such as `http://127.0.0.1:8080`. */
  url: string;
  /** An API key or a user's token. */
  apiKey?: string;
}

function headersOf({ apiKey }: Options): Record<string, string> {
  return apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
}

/** `client.GET("/items/{item_id}", { params: { path: { item_id } } })` answers `{ data, error }`. */
export function createClient(options: Options): Bowerbird {
  return createFetchClient<paths>({ baseUrl: options.url, headers: headersOf(options) });
}

/** What the server answered in place of a stream. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    body: string,
  ) {
    super(`status ${status}: ${body.slice(0, 500)}`);
  }
}

/** The chunks of a reply as it is written: items in the first ones, the whole extension in the last. */
export async function* streamChat(
  options: Options,
  request: ChatRequest,
): AsyncGenerator<Schemas["CompletionChunk"]> {
  const response = await fetch(new URL("/v1/chat/completions", options.url), {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headersOf(options) },
    body: JSON.stringify({ ...request, model: "bowerbird", stream: true }),
  });
  if (!response.ok || !response.body) {
    throw new ApiError(response.status, await response.text());
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (pending + part.value).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) {
        const data = line.startsWith("data: ") ? line.slice(6).trim() : "";
        if (data && data !== "[DONE]") {
          yield JSON.parse(data) as Schemas["CompletionChunk"];
        }
      }
    }
  } finally {
    await reader.cancel();
  }
}
