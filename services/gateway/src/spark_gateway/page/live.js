// A stream that knows whether it is live.

const SILENT_MS = 20_000; // the gateway says something every 13 s at most, however quiet the market is
const REFUSED_MS = 3_000;

/** One EventSource after the other. Most of the time it is the same one: browsers reconnect and resume by themselves. */
export class LiveStream {
  #address;
  #take;
  #opened;
  #source;
  #lastEventId = "";
  #bornAt = Date.now();
  #triedAt = 0;
  #heardAt = null;

  /** `take` is called with the text of each message, and `opened` before the first of each connection. */
  constructor(address, take, opened) {
    this.#address = address;
    this.#take = take;
    this.#opened = opened;
    this.#open();
  }

  #open() {
    this.#source?.close();
    // A new EventSource has forgotten its place, so the address must say it.
    const resume = this.#lastEventId && `&lastEventId=${encodeURIComponent(this.#lastEventId)}`;
    this.#source = new EventSource(this.#address + resume);
    this.#triedAt = Date.now();
    this.#source.onopen = this.#opened;
    this.#source.onmessage = (event) => {
      this.#heardAt = Date.now();
      this.#lastEventId = event.lastEventId;
      this.#take(event.data);
    };
  }

  /** End it for good. */
  close() {
    this.#source.close();
  }

  /** "connecting" at first, then "live" or "lost". An open socket proves nothing: its other end may be long gone. */
  state() {
    const now = Date.now();
    if (this.#heardAt === null) return now - this.#bornAt < SILENT_MS && !this.refused() ? "connecting" : "lost";
    return this.#source.readyState === EventSource.OPEN && now - this.#heardAt < SILENT_MS ? "live" : "lost";
  }

  /** Whether it got another answer than a stream. */
  refused() {
    return this.#source.readyState === EventSource.CLOSED;
  }

  /** Help where browsers do not: they give up for good on any answer but 200, and wait for ever for a dead peer. */
  mend() {
    const since = Date.now() - Math.max(this.#triedAt, this.#heardAt ?? 0);
    if (since > (this.refused() ? REFUSED_MS : SILENT_MS)) this.#open();
  }
}
