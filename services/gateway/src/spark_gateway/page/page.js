// The page: a stream and a poll in, text out. Everything that comes from outside is set as textContent, never as HTML.

import { Alarms } from "./alarms.js";
import { byId, say } from "./elements.js";
import { LiveStream } from "./live.js";
import { Venue } from "./venue.js";
import { badge, nameOf, noAlarms, notice, parse } from "./words.js";

const POLL_MS = 2_000;
const BELIEVED_MS = 10_000; // as long as the gateway itself believes a verdict that nobody renews
const MOST_NOTICES = 50;

let healthAt = 0; // when the gateway last told how the venues are, ms
let targetS = 30;
let clockAheadMs = 0; // the gateway's clock against this computer's, so that ages are right where a clock is wrong

const venues = new Map();
const alarms = new Alarms();

/** One stream over all venues: a browser has six connections a gateway, and each page of it takes one. */
let stream = null;
let streamed = ""; // the venues in it

function open(names) {
  const instruments = names.map((name) => `${encodeURIComponent(name)}:*`).join();
  stream?.close();
  streamed = names.join();
  stream = new LiveStream(
    `/api/market/stream?instrument=${instruments}&channel=ticker&throttle=250`,
    (text) => hear(parse(text)),
    () => alarms.begin(),
  );
}

/** The gateway's time, ms. */
function now() {
  return Date.now() + clockAheadMs;
}

function hear(message) {
  const venue = message.data.venue;
  if (message.type === "health") {
    clockAheadMs = Number(message.data.serverTime) - Date.now();
    alarms.settle();
  } else if (message.type === "alarm") {
    alarms.take(message.data, timeOf);
    show(); // at once: until the next look an alarm would stand below "None."
  } else if (!venues.get(venue)?.take(message, now())) tell(venue, notice(message, timeOf));
}

function timeOf(ms) {
  const time = new Date(Number(ms));
  const today = time.toDateString() === new Date().toDateString();
  return today ? time.toLocaleTimeString("en-GB") : time.toLocaleString("en-GB");
}

function tell(venue, text) {
  if (text === null) return;
  const line = document.createElement("li");
  const of = venue === undefined ? "" : ` · ${nameOf(venue)}`;
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
  for (const [name, venue] of venues) {
    if (name in verdicts) continue;
    venue.element.remove(); // the gateway was started again without it
    venues.delete(name);
  }
  const names = [...venues.keys()];
  if (names.length > 0 && names.join() !== streamed) open(names);
}

/** Why the last verdicts cannot be relied on, null when they can: nobody has been there to renew them. */
function doubt() {
  if (connection() === "lost") return "this page has no connection to the gateway";
  if (connection() === "refused") return "the gateway gives this page no stream";
  if (connection() === "connecting") return "this page is connecting to the gateway";
  return !answers() ? "the gateway does not say how the venue is" : null;
}

/** Whether the gateway has told lately how the venues are. */
function answers() {
  return Date.now() - healthAt <= BELIEVED_MS;
}

function connection() {
  const state = stream?.state() ?? (Date.now() - openedAt > BELIEVED_MS ? "lost" : "connecting");
  return state === "lost" && stream?.refused() && answers() ? "refused" : state;
}

const CONNECTIONS = { connecting: "Connecting…", live: "Connected", lost: "Reconnecting…", refused: "Refused" };

function show() {
  stream?.mend();
  const why = doubt();
  for (const venue of venues.values()) venue.show(why, now(), targetS);
  const state = connection();
  const verdicts = [...venues.values()].map((venue) => venue.verdict(why));
  const shown = badge(state, verdicts);
  say(byId("badge"), shown.text);
  byId("badge").dataset.tone = shown.tone;
  say(byId("connection"), CONNECTIONS[state]);
  byId("connection").dataset.state = state;
  say(byId("note"), shown.note);
  alarms.show(noAlarms(why, verdicts), why);
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
