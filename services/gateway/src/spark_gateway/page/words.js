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

/**
 * The badge: what kind of data this page can vouch for now. `connection` is the page's own; `venues` are their
 * verdicts, each with `status` and `mode`. Real takes all of it: a live connection and a venue that is UP with real data.
 */
export function badge(connection, venues) {
  if (connection === "connecting") return { text: "Connecting…", tone: "waiting", note: "Asking the gateway what it has." };
  if (connection !== "live") {
    return { text: "No connection", tone: "bad", note: "The gateway cannot be reached. These are the last prices known, not live ones." };
  }
  const up = venues.filter(({ status }) => status === "UP");
  if (up.some(({ mode }) => mode === "real")) {
    return { text: "Data: Real", tone: "good", note: "Real prices, live from the venue." };
  }
  if (up.some(({ mode }) => mode === "delayed")) {
    return { text: "Data: Delayed", tone: "delayed", note: "Real prices, but later than the market." };
  }
  const note = venues.some(({ status }) => status === "MOCK")
    ? "Simulated prices, for trying things out. Nothing here is a real market."
    : "No fresh data right now: the venue's line below says why.";
  return { text: "Data: Mock", tone: "mock", note };
}

const TONES = new Map([["UP", "good"], ["MOCK", "mock"], ["CLOSED", "waiting"], ["DEGRADED", "mock"], ["UNKNOWN", "waiting"]]);

/** The colour of a venue's status; every one that is not known here is a bad one. */
export function tone(status) {
  return TONES.get(status) ?? "bad";
}

/**
 * Whether a price that is `ageMs` old must be shown as stale. Age alone does not tell: a quiet instrument keeps its
 * price for long, and the monitor vouches for it. Only when it says that some are mute are the old ones suspect.
 */
export function isStale(status, ageMs, targetS) {
  if (status === "DEGRADED") return ageMs > targetS * 1000;
  return !["UP", "MOCK", "CLOSED"].includes(status);
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
