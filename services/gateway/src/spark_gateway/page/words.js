// What the gateway's messages mean to people. Pure functions: no page, no clock, no network.

const STRING_OR_NUMBER = /("(?:[^"\\]|\\.)*")|-?\d[\d.eE+-]*/g;

/**
 * Parse JSON and leave every number the text that it is. JSON.parse alone makes a double of it, which keeps only
 * 15 digits for certain and prints 0.0000001 as 1e-7; a price is shown with the venue's own digits or not at all.
 */
export function parse(json) {
  return JSON.parse(json.replace(STRING_OR_NUMBER, (token, string) => string ?? `"${token}"`));
}

/** Group the whole part for reading: 4643580.125 as 4,643,580.125. On text, so that no digit can change. */
export function digits(number) {
  if (number === null || number === undefined) return "–";
  const [, whole, rest] = /^(-?\d+)(\.\d+)?$/.exec(number) ?? [null, null, null];
  return whole === null ? String(number) : whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ?? "");
}

/** A change in percent has two decimals by contract, and a sign for those who see no colours. */
export function percent(number) {
  if (number === null || number === undefined) return "–";
  const value = Number(number);
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)} %`;
}

const NAMES = new Map([["btcturk", "BtcTurk"], ["bist", "Borsa İstanbul"]]);

/** What people call a venue; one that is new to this page keeps the name that the gateway has for it. */
export function nameOf(venue) {
  return NAMES.get(venue) ?? venue;
}

/** How long ago, in one unit. */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

/** How long the venue has been silent, in seconds; null is never heard, undefined is not known. */
export function staleness(seconds) {
  if (seconds === undefined) return "staleness not known";
  if (seconds === null) return "never heard from";
  return `staleness ${Number(seconds).toFixed(Number(seconds) < 10 ? 1 : 0)} s`;
}

/** How much later than the market the prices are, as the source declares it; nothing for live ones. */
export function delay(ms) {
  if (!(Number(ms) > 0)) return "";
  const seconds = Math.round(Number(ms) / 1000);
  return seconds < 120 ? `${seconds} s delayed` : `${Math.round(seconds / 60)} min delayed`;
}

const ISTANBUL = { timeZone: "Europe/Istanbul", hourCycle: "h23" };
const written = (options) => new Intl.DateTimeFormat("en-GB", { ...ISTANBUL, ...options });
const MINUTE = written({ hour: "2-digit", minute: "2-digit" });
const SECOND = written({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const WEEKDAY = written({ weekday: "short" });
const DAY = written({ weekday: "short", day: "numeric", month: "short" });
const DATE = written({ year: "numeric", month: "numeric", day: "numeric" });
const SOON_MS = 6 * 86_400_000;

/** The market's own time of a price: the hour where the exchange is, with the day unless that is today there. */
export function marketTime(ms, now) {
  if (ms === null || ms === undefined) return "–";
  const at = Number(ms);
  const day = DATE.format(at) === DATE.format(now) ? "" : `${dayOf(at, now)} `;
  return day + SECOND.format(at);
}

function dayOf(at, now) {
  return (Math.abs(at - now) < SOON_MS ? WEEKDAY : DAY).format(at);
}

/**
 * What is next for a market with hours, in Istanbul's time; nothing for one without, or when its state is not known.
 * `window` is the session that runs or the next one; with a delay the prices come later than the session.
 */
export function session(status, window, delayMs, now) {
  if (!window || ["DOWN", "UNKNOWN"].includes(status)) return "";
  const { opensAt, closesAt, half } = window;
  if (status !== "CLOSED") return `closes ${MINUTE.format(closesAt)}${half ? ", a half-day" : ""}`;
  const later = Number(delayMs) > 0 ? `, prices from ${MINUTE.format(opensAt + Number(delayMs))}` : "";
  return `opens ${dayOf(opensAt, now)} ${MINUTE.format(opensAt)}${later}${half ? ", a half-day" : ""}`;
}

/**
 * The badge: what kind of data this page can vouch for now. `connection` is the page's own; `venues` are their
 * verdicts, each with `name`, `status`, `mode` and perhaps `delayMs`. Real takes all of it: a live connection and a
 * venue that is UP with real data. Mock is said of simulated data and of nothing else: real data that is not fresh now
 * is called what it is.
 */
export function badge(connection, venues) {
  if (connection === "connecting") return { text: "Connecting…", tone: "waiting", note: "Asking the gateway what it has." };
  if (connection === "refused") {
    return { text: "No stream", tone: "bad", note: "The gateway is there, but gives this page no stream: it may want a key." };
  }
  if (connection !== "live") {
    return { text: "No connection", tone: "bad", note: "The gateway cannot be reached. These are the last prices known, not live ones." };
  }
  const up = (mode) => venues.filter((venue) => venue.status === "UP" && venue.mode === mode);
  const others = (shown) => exceptions(venues.filter((venue) => !shown.includes(venue)));
  const [real, delayed] = [up("real"), up("delayed")];
  if (real.length > 0) return { text: "Data: Real", tone: "good", note: `Real prices, live from ${named(real)}.${others(real)}` };
  if (delayed.length > 0) {
    const note = `Real prices of ${named(delayed)}, but later than the market.${others(delayed)}`;
    return { text: "Data: Delayed", tone: "delayed", note };
  }
  if (venues.some(({ status, mode }) => status === "MOCK" || mode === "mock")) {
    const simulated = venues.filter(({ status }) => ["MOCK", "UP"].includes(status));
    const note = simulated.length > 0
      ? "Simulated prices, for trying things out. Nothing here is a real market."
      : "No fresh data right now, and what there is is simulated.";
    return { text: "Data: Mock", tone: "mock", note: note + others(simulated) };
  }
  if (venues.some(({ status }) => status === "DEGRADED")) {
    return { text: "Data: Incomplete", tone: "mock", note: `Real prices, but not all of them are fresh.${others([])}` };
  }
  if (venues.length > 0 && venues.every(({ status }) => status === "CLOSED")) {
    return { text: "Market closed", tone: "waiting", note: "The last prices of the session; new ones come when it opens." };
  }
  return { text: "No fresh data", tone: "mock", note: `No fresh data right now.${others([])}` };
}

function named(venues) {
  return venues.map(({ name }) => nameOf(name)).join(" and ");
}

const STANDINGS = new Map([
  ["UP", (venue) => delay(venue.delayMs) || venue.mode],
  ["MOCK", () => "simulated"],
  ["CLOSED", () => "closed"],
  ["DEGRADED", () => "incomplete"],
  ["STALE", () => "not fresh"],
  ["DOWN", () => "down"],
]);

/** Those venues that the badge's word is not about: green must not pass for all of them. */
function exceptions(venues) {
  return venues.map((venue) => ` ${nameOf(venue.name)}: ${STANDINGS.get(venue.status)?.(venue) ?? "not known"}.`).join("");
}

const TONES = new Map([["UP", "good"], ["MOCK", "mock"], ["CLOSED", "waiting"], ["DEGRADED", "mock"], ["UNKNOWN", "waiting"]]);

/** The colour of a venue's status; every one that is not known here is a bad one. */
export function tone(status) {
  return TONES.get(status) ?? "bad";
}

const SEVERITIES = new Map([["critical", "Critical"], ["warning", "Warning"]]);

/** What an alarm's severity is called, and its colour; one that is not known here is taken for a bad one. */
export function severity(name) {
  return { text: SEVERITIES.get(name) ?? String(name), tone: name === "warning" ? "mock" : "bad" };
}

/** What stands where no alarm is listed: that there is none can be said only while somebody watches every venue. */
export function noAlarms(doubt, venues) {
  if (doubt !== null) return `Not known: ${doubt}.`;
  const unwatched = venues.filter(({ status }) => status === "UNKNOWN");
  return unwatched.length > 0 ? `None known, but nobody watches ${named(unwatched)} right now.` : "None.";
}

/**
 * Whether a price that is `ageMs` old must be shown as stale. Age alone does not tell: a quiet instrument keeps its
 * price for long, and the monitor vouches for it. Only when it says that some are mute are the old ones suspect.
 */
export function isStale(status, ageMs, targetS) {
  if (status === "DEGRADED") return ageMs > targetS * 1000;
  return !["UP", "MOCK", "CLOSED"].includes(status);
}

/** How long ago a price came. The last ones of a session have their time in the market, and no age that means anything. */
export function ageOf(status, ageMs, targetS) {
  if (status === "CLOSED") return "";
  return age(ageMs) + (isStale(status, ageMs, targetS) ? " · stale" : "");
}

const CAUSES = new Map([
  ["start", "the venue's ingest was restarted"],
  ["closed", "the venue closed the connection"],
  ["network", "the connection to the venue was lost"],
  ["timeout", "the venue did not answer in time"],
  ["silent", "the venue went silent"],
  ["stalled", "the venue's ingest was held up"],
  ["overflow", "the bus was away for too long"],
  ["epoch", "the stream was started anew"],
  ["retention", "this page was away for longer than messages are kept"],
  ["cursor", "the gateway did not know this page's place in the stream"],
  ["slow", "this page was too slow to read everything"],
]);

/** A sentence for what was missed; `time` writes a time, given in ms. */
export function notice({ type, data }, time) {
  switch (type) {
    case "gap": {
      const begin = Number(data.from) === 0 ? `before ${time(data.to)}` : `between ${time(data.from)} and ${time(data.to)}`;
      const lost = data.lost === null || data.lost === undefined ? "" : ` (${digits(data.lost)} lost)`;
      return `${data.symbol ?? "All symbols"}: data may be missing ${begin}${lost}, because ${CAUSES.get(data.cause) ?? `of “${data.cause}”`}.`;
    }
    case "lagged": {
      const lost = data.dropped === null ? "more may be lost" : `${digits(data.dropped)} are lost`;
      return `This page read too slowly: ${digits(data.conflated)} values gave way to newer ones, ${lost}.`;
    }
    case "goodbye":
      return `The gateway ended this stream (${data.reason}); the browser comes back by itself.`;
    default:
      return null;
  }
}
