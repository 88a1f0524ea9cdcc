// The choice of a background: tiles that are radio buttons.

import * as api from "./api.js";
import { element, withArrowKeys } from "./elements.js";

const IMAGES = /\.(jpe?g|png|webp|avif|bmp|tiff?|gif)$/i;
const GREEN = "#00b140", STRENGTH = 0.5;

export const isImage = (name) => IMAGES.test(name);

export function tile(text, checked, onclick, { classes = "", image = null, colour = null } = {}) {
  const made = element("button", { type: "button", role: "radio", class: `tile ${classes}`, "aria-checked": String(checked), tabindex: checked ? 0 : -1, onclick }, element("span", { text }));
  if (image) made.style.backgroundImage = `url("${image}")`;
  if (colour) made.style.backgroundColor = colour;
  return made;
}

// Draws the tiles of a radio group, and leaves the focus on the one that is chosen if it was in the group.
export function drawTiles(place, tiles) {
  const focused = place.contains(document.activeElement) && document.activeElement.getAttribute("role") === "radio";
  place.replaceChildren(...tiles);
  const radios = place.querySelectorAll("[role=radio]");
  if (![...radios].some((radio) => radio.tabIndex === 0)) radios[0].tabIndex = 0;
  if (focused) place.querySelector("[aria-checked=true]")?.focus();
}

export class Backgrounds {
  // `none` says whether there may be no background, `files` returns those of the page that may be one, `receive` takes in dropped ones.
  constructor(place, { none, shipped, files, receive, onTake }) {
    Object.assign(this, { place, none, shipped, files, receive, onTake });
    withArrowKeys(place);
  }

  draw(now) {
    const take = (value) => this.onTake(value), isColour = /^#/.test(now), isBlur = /^blur/.test(now);
    const colour = isColour ? now : GREEN;
    const picker = element("input", { type: "color", "aria-label": "Another colour", onchange: (event) => take(event.target.value) });
    picker.value = colour;
    const add = element("input", { type: "file", class: "hidden", accept: "image/*,video/*", "aria-label": "Use an image or clip of your own", onchange: (event) => this.receive(event.target.files, (file) => take(`file:${file.id}`)) });
    drawTiles(this.place, [
      ...(this.none ? [tile("None", now === "transparent", () => take("transparent"), { classes: "none" })] : []),
      tile("Blur", isBlur, () => take(isBlur ? now : "blur"), { classes: "soft" }),
      ...this.shipped.map((name) => tile(name[0].toUpperCase() + name.slice(1), now === name, () => take(name), { image: `shipped/${name}.jpg` })),
      tile("Colour", isColour, () => take(colour), { colour }),
      element("span", { class: "tile add pick" }, element("span", { text: "Other …" }), picker),
      ...this.files().map((file) => tile(file.name, now === `file:${file.id}`, () => take(`file:${file.id}`), { image: isImage(file.name) ? api.contentOf(file.id) : null })),
      element("label", { class: "tile add button" }, element("span", { text: "+ image" }), add),
    ]);
    if (isBlur) this.place.append(this.strength(now, take));
  }

  strength(now, take) {
    const slider = element("input", { type: "range", min: 0.1, max: 1, step: 0.1, onchange: (event) => take(`blur:${event.target.value}`) });
    slider.value = now.split(":")[1] ?? STRENGTH;
    return element("label", { class: "line whole" }, "Strength", slider);
  }
}
