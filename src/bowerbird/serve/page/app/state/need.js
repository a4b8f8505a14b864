// Changes of what was understood. The state goes back to the server, which lists what the changed need asks for.

// Another need: what was shown or left out for the old one may come again.
const changed = (state, request) => ({
  ...state, offered: [], on_screen: [], is_near_miss: false, focus: null, question: null,
  request: { ...state.request, ...request, without: [], is_relative: false },
});

const without = (record, name) => Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));

function wordsWithout(request, facet) {
  const spoken = [request.wording[facet], ...(request.facets[facet] ?? [])].filter(Boolean);
  const words = spoken.reduce((text, value) => text.replace(new RegExp(value.replace(/[^\w\s]/g, "\\$&"), "gi"), " "), request.words);
  return words.replace(/\s+/g, " ").trim();
}

export function withoutFacet(state, facet) {
  const { request } = state;
  const parts = ["facets", "exact", "wording", "preferred"].map((name) => [name, without(request[name], facet)]);
  return changed(state, { ...Object.fromEntries(parts), words: wordsWithout(request, facet), kinds: facet === "type" ? [] : request.kinds });
}

export function withPrice(state, low, high) {
  const price = { low, high: high === null ? null : Math.max(low, high), low_open: false, high_open: false };
  return changed(state, { price, budget: price });
}

export function withoutExclusion(state, facet, value) {
  const drop = (record) => ({ ...record, [facet]: (record[facet] ?? []).filter((each) => each !== value) });
  return { ...changed(state, { excluded: drop(state.request.excluded) }), excluded: drop(state.excluded) };
}

export const isConstrained = ({ request }) => Boolean(request && (request.price.low > 0 || request.price.high !== null ||
  Object.values(request.facets).some((all) => all.length) || Object.values(request.excluded).some((all) => all.length)));
