// One venue of the page: what the monitor thinks of it, its hours, and a row for each symbol.

import { copyOf, say } from "./elements.js";
import { ageOf, delay, digits, isStale, marketTime, nameOf, percent, session, staleness, tone } from "./words.js";

const DIRECTORY_MS = 60_000;
const RETRY_MS = 5_000;
const STATISTICS = new Map([["24h", "24 h volume"], ["session", "Day's volume"]]);
const OPTIONAL = { bid: "bid", ask: "ask", volume: "volume", time: "venueTime" }; // columns that not every venue can fill

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** What the directory says of a venue's instruments; none while nobody answers. */
async function directory(name) {
  try {
    const address = `/api/market/${encodeURIComponent(name)}/symbols`;
    const answer = await fetch(address, { signal: AbortSignal.timeout(5_000) });
    return answer.ok ? (await answer.json()).instruments : null;
  } catch {
    return null;
  }
}

export class Venue {
  #verdict = { status: "UNKNOWN", reason: "the gateway has not said anything yet" };
  #rows = new Map();
  #names = new Map();
  #session = null;
  #mode = null; // as the last price was marked, for when nobody judges
  #askAt = -Infinity;

  constructor(name) {
    this.name = name;
    this.element = copyOf("venue");
    this.part = (selector) => this.element.querySelector(selector);
    this.part("h2").textContent = nameOf(name);
    for (const column of Object.keys(OPTIONAL)) this.element.classList.add(`no-${column}`);
    document.getElementById("venues").append(this.element);
  }

  /** Take a message of this venue at the gateway's time `now`; returns whether it was one to show here. */
  take({ type, data }, now) {
    if (type === "status") this.judge(data);
    else if (type === "ticker") this.#price(data, now);
    else return false;
    return true;
  }

  judge(verdict) {
    if (verdict.status !== this.#verdict.status) this.#askAt = -Infinity; // at an open or a close its hours change
    this.#verdict = verdict;
  }

  /** What can be said of the venue now, unless there is a `doubt`. */
  verdict(doubt) {
    const about = { name: this.name, mode: this.#verdict.mode ?? this.#mode };
    return doubt === null
      ? { ...this.#verdict, ...about }
      : { status: "UNKNOWN", reason: doubt, delayMs: this.#verdict.delayMs, ...about };
  }

  /** Bring to date what changes by itself; `now` is the gateway's, ms. */
  show(doubt, now, targetS) {
    this.#learn(now);
    const { status, reason, stalenessSec, delayMs } = this.verdict(doubt);
    const chip = this.part(".status");
    say(chip, status);
    chip.dataset.tone = tone(status);
    say(this.part(".delay"), delay(delayMs));
    this.part(".delay").hidden = delay(delayMs) === "";
    say(this.part(".session"), session(status, this.#session, delayMs, now));
    say(this.part(".reason"), reason);
    say(this.part(".staleness"), status === "CLOSED" ? "" : staleness(stalenessSec)); // nothing is late by night
    for (const row of this.#rows.values()) row.show(status, now, targetS);
  }

  async #learn(now) {
    if (now < this.#askAt) return;
    this.#askAt = now + RETRY_MS;
    const instruments = await directory(this.name);
    if (instruments === null || instruments.length === 0) return;
    this.#askAt = now + DIRECTORY_MS;
    this.#session = instruments.find((instrument) => instrument.session)?.session ?? null;
    const statistics = instruments[0].statisticsWindow;
    say(this.part("th.volume"), STATISTICS.get(statistics) ?? "Volume");
    for (const { symbol, name } of instruments) {
      this.#names.set(symbol, name ?? "");
      this.#rows.get(symbol)?.call(name ?? "");
    }
  }

  #price(ticker, now) {
    for (const [column, field] of Object.entries(OPTIONAL)) {
      if (ticker[field] !== null && ticker[field] !== undefined) this.element.classList.remove(`no-${column}`);
    }
    this.#mode = ticker.mode;
    this.#row(ticker.symbol).take(ticker, now);
  }

  #row(symbol) {
    if (!this.#rows.has(symbol)) {
      const row = new Row(symbol, this.#names.get(symbol) ?? "");
      const next = [...this.#rows.keys()].sort().find((other) => other > symbol);
      this.part("tbody").insertBefore(row.element, this.#rows.get(next)?.element ?? null);
      this.#rows.set(symbol, row);
    }
    return this.#rows.get(symbol);
  }
}

/** One symbol's line in the table. */
class Row {
  #ticker = null;

  constructor(symbol, name) {
    this.element = copyOf("row");
    this.cell = (column) => this.element.querySelector(`.${column}`);
    this.cell("symbol").textContent = symbol;
    this.call(name);
  }

  /** Say what people call it. */
  call(name) {
    say(this.cell("name"), name);
  }

  take(ticker, now) {
    const before = this.#ticker;
    this.#ticker = ticker;
    say(this.cell("price"), digits(ticker.price));
    say(this.cell("change"), percent(ticker.changePct));
    this.cell("change").dataset.sign = Math.sign(Number(ticker.changePct));
    say(this.cell("bid"), digits(ticker.bid));
    say(this.cell("ask"), digits(ticker.ask));
    say(this.cell("volume"), digits(ticker.volume));
    say(this.cell("time"), marketTime(ticker.venueTime, now));
    // A stream may repeat what was seen, which is no change.
    if (before !== null && before.receivedAt !== ticker.receivedAt) this.#flash(Math.sign(ticker.price - before.price));
  }

  #flash(direction) {
    if (calm.matches) return;
    const colour = { "-1": "var(--down-flash)", 1: "var(--up-flash)" }[direction] ?? "var(--flash)";
    this.element.animate([{ backgroundColor: colour }, { backgroundColor: "transparent" }], 900);
  }

  show(status, now, targetS) {
    const ageMs = now - Number(this.#ticker.receivedAt);
    this.element.classList.toggle("stale", isStale(status, ageMs, targetS));
    say(this.cell("time"), marketTime(this.#ticker.venueTime, now));
    say(this.cell("age"), ageOf(status, ageMs, targetS));
  }
}
