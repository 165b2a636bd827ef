// The page: a stream and a poll in, text out. Everything that comes from outside is set as textContent, never as HTML.

import { LiveStream } from "./live.js";
import { age, badge, digits, isStale, notice, parse, percent, staleness, tone } from "./words.js";

const POLL_MS = 2_000;
const BELIEVED_MS = 10_000; // as long as the gateway itself believes a verdict that nobody renews
const MOST_NOTICES = 50;
const NAMES = new Map([["btcturk", "BtcTurk"], ["bist", "Borsa İstanbul"]]);

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const byId = (id) => document.getElementById(id);
const copyOf = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** Set a text only where it changes: screen readers announce what is set, and a selection is lost. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let healthAt = 0; // when the gateway last told how the venues are, ms
let targetS = 30;
let clockAheadMs = 0; // the gateway's clock against this computer's, so that ages are right where a clock is wrong

const venues = new Map();

/** One stream over all venues: a browser has six connections a gateway, and each page of it takes one. */
let stream = null;

function open(names) {
  const instruments = names.map((name) => `${encodeURIComponent(name)}:*`).join();
  stream = new LiveStream(`/api/market/stream?instrument=${instruments}&channel=ticker&throttle=250`, (text) =>
    hear(parse(text)),
  );
}

function hear(message) {
  if (message.type === "health") clockAheadMs = Number(message.data.serverTime) - Date.now();
  else if (venues.has(message.data.venue)) venues.get(message.data.venue).take(message);
  else tell(null, notice(message, timeOf));
}

/** One venue: what the monitor thinks of it, and a row for each symbol. */
class Venue {
  #verdict = { status: "UNKNOWN", reason: "the gateway has not said anything yet" };
  #rows = new Map();

  constructor(name) {
    this.name = name;
    this.element = copyOf("venue");
    this.part = (selector) => this.element.querySelector(selector);
    this.part("h2").textContent = NAMES.get(name) ?? name;
    byId("venues").append(this.element);
  }

  take(message) {
    switch (message.type) {
      case "ticker":
        this.#row(message.data.symbol).take(message.data);
        break;
      case "status":
        this.judge(message.data);
        break;
      default: // what this page does not know it ignores: the wire changes by adding
        tell(this.name, notice(message, timeOf));
    }
  }

  #row(symbol) {
    if (!this.#rows.has(symbol)) {
      const row = new Row(symbol);
      const next = [...this.#rows.keys()].sort().find((other) => other > symbol);
      this.part("tbody").insertBefore(row.element, this.#rows.get(next)?.element ?? null);
      this.#rows.set(symbol, row);
    }
    return this.#rows.get(symbol);
  }

  judge(verdict) {
    this.#verdict = verdict;
  }

  /** What can be said of the venue now. The last verdict is none when nobody has been there to renew it. */
  verdict() {
    const reason =
      stream.state() === "lost" ? "this page has no connection to the gateway"
      : stream.state() === "connecting" ? "this page is connecting to the gateway"
      : Date.now() - healthAt > BELIEVED_MS ? "the gateway does not say how the venue is"
      : null;
    return reason === null ? this.#verdict : { status: "UNKNOWN", reason };
  }

  show() {
    const { status, reason, stalenessSec } = this.verdict();
    const chip = this.part(".status");
    say(chip, status);
    chip.dataset.tone = tone(status);
    say(this.part(".reason"), reason);
    say(this.part(".staleness"), staleness(stalenessSec));
    for (const row of this.#rows.values()) row.show(status);
  }
}

/** One symbol's line in the table. */
class Row {
  #ticker = null;

  constructor(symbol) {
    this.element = copyOf("row");
    this.cell = (name) => this.element.querySelector(`.${name}`);
    this.cell("symbol").textContent = symbol;
  }

  take(ticker) {
    const before = this.#ticker;
    this.#ticker = ticker;
    say(this.cell("price"), digits(ticker.price));
    say(this.cell("change"), percent(ticker.changePct));
    this.cell("change").dataset.sign = Math.sign(Number(ticker.changePct));
    say(this.cell("bid"), digits(ticker.bid));
    say(this.cell("ask"), digits(ticker.ask));
    say(this.cell("volume"), digits(ticker.volume));
    say(this.cell("age"), age(this.#ageMs()));
    // A stream may repeat what was seen, which is no change.
    if (before !== null && before.receivedAt !== ticker.receivedAt) this.#flash(Math.sign(ticker.price - before.price));
  }

  #flash(direction) {
    if (calm.matches) return;
    const colour = { "-1": "var(--down-flash)", 1: "var(--up-flash)" }[direction] ?? "var(--flash)";
    this.element.animate([{ backgroundColor: colour }, { backgroundColor: "transparent" }], 900);
  }

  #ageMs() {
    return Date.now() + clockAheadMs - Number(this.#ticker.receivedAt);
  }

  show(status) {
    const stale = isStale(status, this.#ageMs(), targetS);
    this.element.classList.toggle("stale", stale);
    say(this.cell("age"), age(this.#ageMs()) + (stale ? " · stale" : ""));
  }
}

function timeOf(ms) {
  const time = new Date(Number(ms));
  const today = time.toDateString() === new Date().toDateString();
  return today ? time.toLocaleTimeString("en-GB") : time.toLocaleString("en-GB");
}

function tell(venue, text) {
  if (text === null) return;
  const line = document.createElement("li");
  const of = venue === null ? "" : ` · ${NAMES.get(venue) ?? venue}`;
  line.textContent = `${timeOf(Date.now())}${of} · ${text}`;
  byId("notices").prepend(line);
  byId("notices").children[MOST_NOTICES]?.remove();
  byId("no-notices").hidden = true;
}

/** Ask how the venues are; null when nobody answers. */
async function health() {
  try {
    const answer = await fetch("/api/healthz", { cache: "no-store", signal: AbortSignal.timeout(5_000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // the gateway is away; what it said last grows old by itself
  }
}

function take({ venues: verdicts, thresholds }) {
  healthAt = Date.now();
  targetS = thresholds.venueStalenessTarget;
  for (const [name, verdict] of Object.entries(verdicts)) {
    if (!venues.has(name)) venues.set(name, new Venue(name));
    venues.get(name).judge(verdict);
  }
  if (stream === null) open([...venues.keys()]);
}

function connection() {
  return stream?.state() ?? (Date.now() - openedAt > BELIEVED_MS ? "lost" : "connecting");
}

const CONNECTIONS = { connecting: "Connecting…", live: "Connected", lost: "Reconnecting…" };

function show() {
  stream?.mend();
  for (const venue of venues.values()) venue.show();
  const state = connection();
  const now = badge(state, [...venues.values()].map((venue) => venue.verdict()));
  say(byId("badge"), now.text);
  byId("badge").dataset.tone = now.tone;
  say(byId("connection"), CONNECTIONS[state]);
  byId("connection").dataset.state = state;
  say(byId("note"), now.note);
}

async function follow() {
  try {
    const answer = await health();
    if (answer !== null) take(answer);
    show();
  } finally {
    setTimeout(follow, POLL_MS);
  }
}

const openedAt = Date.now();
setInterval(show, 500); // ages grow and silence is noticed although nothing comes
follow();
