// The page's elements: found, copied and written in one way. Text is set as textContent, never as HTML.

export const byId = (id) => document.getElementById(id);
export const copyOf = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** Set a text only where it changes: screen readers announce what is set, and a selection is lost. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
