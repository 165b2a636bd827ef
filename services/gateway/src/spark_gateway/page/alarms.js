// The alarms that are open, as the stream tells of them.

import { byId, copyOf, say } from "./elements.js";
import { nameOf, severity } from "./words.js";

export class Alarms {
  #listed = new Map(); // by id: the line, what it says, and which opening of the stream told of it last
  #opening = 0;

  /** The stream has been opened: before its first health it tells of all that are open. */
  begin() {
    this.#opening += 1;
  }

  /** That health has come: what was not told of is over since. */
  settle() {
    for (const [id, { opening }] of this.#listed) if (opening < this.#opening) this.#drop(id);
  }

  /** Take an alarm; `time` writes a time, given in ms. */
  take(alarm, time) {
    const before = this.#listed.get(alarm.id);
    const said = [alarm.severity, alarm.reason].join();
    if (alarm.state === "cleared") this.#drop(alarm.id);
    else if (before?.said === said) before.opening = this.#opening; // told again, which is no news
    else {
      this.#drop(alarm.id);
      this.#listed.set(alarm.id, { element: this.#add(alarm, time), said, opening: this.#opening });
    }
  }

  #drop(id) {
    this.#listed.get(id)?.element.remove();
    this.#listed.delete(id);
  }

  /** The worst first, and of these the newest news. */
  #add(alarm, time) {
    const element = copyOf("alarm");
    const part = (selector) => element.querySelector(selector);
    const { text, tone } = severity(alarm.severity);
    part(".severity").textContent = text;
    part(".severity").dataset.tone = tone;
    part(".what").textContent = `${nameOf(alarm.venue)}: ${alarm.reason}`;
    part(".since").textContent = `(since ${time(alarm.since)})`;
    element.dataset.tone = tone;
    byId("alarms").insertBefore(element, tone === "bad" ? byId("alarms").firstChild : this.#firstBelow());
    return element;
  }

  #firstBelow() {
    return byId("alarms").querySelector('li:not([data-tone="bad"])');
  }

  /** Bring to date what is said around the list: `none` where there is none, and whether there is a `doubt`. */
  show(none, doubt) {
    const count = this.#listed.size;
    say(byId("alarms-title"), `${doubt === null ? "Open alarms" : "Last known alarms"}${count > 0 ? ` (${count})` : ""}`);
    say(byId("no-alarms"), none);
    byId("no-alarms").hidden = count > 0;
    byId("alarms-card").dataset.tone = byId("alarms").firstElementChild?.dataset.tone ?? "";
  }
}
