// Makes elements without ever parsing HTML, so that no file name can become a part of the page.

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Fills a part of the page again; the focus stays on what has the same `data-key`.
export function redraw(place, ...children) {
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.replaceChildren(...children);
  if (key !== undefined) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(2).padStart(5, "0")}`;
}

// Moves the focus among the parts of a group by the arrow keys, as screen readers expect of radio buttons and tabs.
export function withArrowKeys(group) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const parts = [...group.querySelectorAll("button:not([hidden])")];
    const at = parts.indexOf(event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = parts[(at + step + parts.length) % parts.length];
    next.focus();
    next.click();
  });
}
