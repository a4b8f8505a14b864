// How the server does: what it holds, what it answers now, and how fast.
import { metrics } from "../api/metrics.js";
import { get } from "../api/request.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Failure } from "../parts/states.js";
import { number } from "../texts/index.js";
import { Bars, Figure, Lines } from "./charts.js";

const EVERY_MS = 5000, MOST_SAMPLES = 60, MOST_ROUTES = 12;
const ENDLESS = "/users/{user:id}/changes"; // its time is that of its listeners
const sum = (values) => values.reduce((total, each) => total + each, 0);

function sampleOf({ routes, events }) {
  return {
    at: Date.now(), requests: sum(routes.map((each) => each.requests)), failures: sum(routes.map((each) => each.failures)),
    accepted: events.accepted ?? 0, rejected: events.rejected ?? 0,
  };
}

// Asks every few seconds as long as it is shown; what was asked before stays when one answer fails.
function useLive() {
  const [state, setState] = useState({ health: null, routes: [], samples: [], error: null });
  const isGone = useRef(false);
  const ask = async () => {
    try {
      const [health, counts] = await Promise.all([get("/healthz"), metrics()]);
      if (!isGone.current) setState(({ samples }) => ({ health, routes: counts.routes, samples: [...samples, sampleOf(counts)].slice(-MOST_SAMPLES), error: null }));
    } catch (error) {
      if (!isGone.current) setState((before) => ({ ...before, error }));
    }
  };
  useEffect(() => {
    ask();
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    return () => { isGone.current = true; clearInterval(timer); };
  }, []);
  return { ...state, ask };
}

function perMinute(samples, name) {
  return samples.slice(1).map((sample, index) => (60000 * (sample[name] - samples[index][name])) / Math.max(1, sample.at - samples[index].at));
}

const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function Traffic({ samples }) {
  if (samples.length < 2) return html`<p class="hint">The first numbers come in a few seconds.</p>`;
  const labels = samples.slice(1).map((sample) => clock(sample.at));
  const line = (name, field) => ({ name, values: perMinute(samples, field).map((value) => Math.max(0, value)) });
  return html`<${Lines} caption="Requests a minute" labels=${labels} series=${[line("answered", "requests"), line("failed", "failures")]} withTable=${false} />
    <${Lines} caption="Events a minute" labels=${labels} series=${[line("accepted", "accepted"), line("rejected", "rejected")]} withTable=${false} />`;
}

function Latency({ routes }) {
  const shown = routes.filter((each) => each.route !== ENDLESS && !each.route.startsWith("/page/")).slice(0, MOST_ROUTES);
  const p95 = ({ p95Ms }) => (p95Ms === null ? "" : Number.isFinite(p95Ms) ? `95 % within ${number(p95Ms)} ms` : "some take more than 30 s");
  const rows = shown.map((each) => ({
    name: each.route, value: each.meanMs,
    note: [p95(each), `${number(each.requests)} requests`, each.failures ? `${number(each.failures)} failed` : ""].filter(Boolean).join(" · "),
  }));
  return html`<section class="panel" aria-labelledby="latency-title"><h2 id="latency-title">Time to answer, by route</h2>
    <p class="hint">Means since this process started, of the routes that were asked most.</p><${Bars} label="Time to answer" rows=${rows} unit=" ms" /></section>`;
}

function Versions({ health }) {
  return html`<section class="panel" aria-labelledby="versions-title"><h2 id="versions-title">Versions in force</h2>
    <dl class="facts">${Object.entries(health.versions).filter(([, name]) => name).map(([kind, name]) => html`<div key=${kind}><dt>${kind}</dt><dd>${name}</dd></div>`)}</dl></section>`;
}

function behind({ sets, is_training: isTraining }) {
  const newer = sets ? `${number(sets)} newer in force` : "in force";
  return isTraining ? `${newer}; training goes on` : newer;
}

export function Section() {
  const { health, routes, samples, error, ask } = useLive();
  const latest = samples.at(-1);
  return html`${error && html`<${Failure} error=${error} retry=${ask} />`}
    ${health && html`<dl class="figures">
      <${Figure} name="Users" value=${number(health.users)} /><${Figure} name="Items" value=${number(health.items)} />
      <${Figure} name="Events accepted" value=${number(latest.accepted)} note=${latest.rejected ? `${number(latest.rejected)} rejected` : ""} />
      <${Figure} name="Requests" value=${number(latest.requests)} note=${latest.failures ? `${number(latest.failures)} failed` : ""} />
      <${Figure} name="Events waiting" value=${number(health.lag.events)} note=${health.lag.events ? "in the log, not learned yet" : "the taste is up to date"} />
      <${Figure} name="Set of versions" value=${health.set} note=${behind(health.lag)} /></dl>
      <section class="panel wide" aria-labelledby="traffic-title"><h2 id="traffic-title">Now</h2><div class="chart-pair"><${Traffic} samples=${samples} /></div></section>
      <div class="panels"><${Latency} routes=${routes} /><${Versions} health=${health} /></div>`}`;
}
