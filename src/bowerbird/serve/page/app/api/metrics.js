// The server's Prometheus metrics as plain values.
import { call } from "./request.js";

const LINE = /^(\w+)(?:\{(.*)\})? ([\d.e+-]+|NaN|\+Inf)$/;

function parse(text) {
  return text.split("\n").map((line) => LINE.exec(line)).filter(Boolean).map(([, name, labels, value]) => ({
    name, value: Number(value),
    labels: Object.fromEntries([...(labels ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, each]) => [key, each])),
  }));
}

// The upper bound of the bucket that holds a share of all observations, in seconds.
function quantile(buckets, share) {
  const sorted = buckets.map(({ labels, value }) => [labels.le === "+Inf" ? Infinity : Number(labels.le), value]).sort((a, b) => a[0] - b[0]);
  const total = sorted.at(-1)?.[1] ?? 0;
  return total ? sorted.find(([, count]) => count >= share * total)[0] : null;
}

// Of each route: requests, failures, mean and 95th percentile in milliseconds; and events by what became of them.
export async function metrics() {
  const rows = parse(await (await call("/metrics")).text());
  const of = (name) => rows.filter((row) => row.name === name);
  const routes = [...new Set(of("bowerbird_requests_total").map((row) => row.labels.route))].map((route) => {
    const ofRoute = (name) => of(name).filter((row) => row.labels.route === route);
    const sum = (list) => list.reduce((total, row) => total + row.value, 0);
    const requests = sum(ofRoute("bowerbird_requests_total"));
    const failures = sum(ofRoute("bowerbird_requests_total").filter((row) => Number(row.labels.status) >= 500));
    const seconds = sum(ofRoute("bowerbird_request_seconds_sum")), count = sum(ofRoute("bowerbird_request_seconds_count"));
    const p95 = quantile(ofRoute("bowerbird_request_seconds_bucket"), 0.95);
    return { route, requests, failures, meanMs: count ? (1000 * seconds) / count : 0, p95Ms: p95 === null ? null : 1000 * p95 };
  });
  const events = Object.fromEntries(of("bowerbird_events_total").map((row) => [row.labels.outcome, row.value]));
  return { routes: routes.sort((a, b) => b.requests - a.requests), events };
}
