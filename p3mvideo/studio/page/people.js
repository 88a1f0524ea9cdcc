// Who of several people stays: clicked on the frame, and followed through the clip when it is rendered.

import { pixelsAt } from "./edits.js";
import { byId, clock, element } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const CHOICES = { select: "stays", reject: "goes" };

export class People {
  // `matte` returns the options that hold the points, `onChange` is called when they have changed.
  constructor(viewer, { matte, onChange }) {
    Object.assign(this, { viewer, matte, onChange, choice: null });
    for (const choice of Object.keys(CHOICES)) byId(`people-${choice}`).addEventListener("click", () => this.choose(this.choice === choice ? null : choice));
    byId("overlay").addEventListener("click", (event) => {
      if (!this.choice) return;
      const { width, height } = this.viewer.facts;
      this.add(...pixelsAt(event, byId("overlay"), width, height));
    });
    byId("people-place").addEventListener("submit", (event) => {
      event.preventDefault();
      const button = byId(`people-${this.choice}`);
      this.add(Number(byId("people-x").value), Number(byId("people-y").value));
      button.focus();
    });
    byId("scrubber").addEventListener("input", () => this.drawMarks());
  }

  choose(choice) {
    this.choice = choice;
    for (const one of Object.keys(CHOICES)) byId(`people-${one}`).setAttribute("aria-pressed", String(one === choice));
    byId("people-place").hidden = choice === null;
    byId("overlay").classList.toggle("picks", choice !== null);
    if (choice) this.viewer.note(`Click the person who ${CHOICES[choice]}. Where two touch, say it of both.`);
  }

  add(x, y) {
    const values = this.matte();
    values[this.choice] = [...(values[this.choice] ?? []), `${this.viewer.seconds.toFixed(3)},${Math.round(x)},${Math.round(y)}`];
    this.choose(null);
    this.changed();
  }

  remove(choice, point) {
    const values = this.matte(), left = values[choice].filter((other) => other !== point);
    if (left.length) values[choice] = left;
    else delete values[choice];
    this.changed();
  }

  // Forgets all points: they are places in one clip.
  clear() {
    for (const choice of Object.keys(CHOICES)) delete this.matte()[choice];
    this.choose(null);
    this.draw();
  }

  changed() {
    this.draw();
    this.onChange();
  }

  points() {
    return Object.keys(CHOICES).flatMap((choice) => (this.matte()[choice] ?? []).map((point) => ({ choice, point, place: point.split(",").map(Number) })));
  }

  draw() {
    byId("people-points").replaceChildren(...this.points().map(({ choice, point, place }) => element("li", { class: choice },
      element("button", { type: "button", class: "plain", text: `Person at ${clock(place[0])} ${CHOICES[choice]}`, onclick: () => this.viewer.seek(place[0]) }),
      element("button", { type: "button", "aria-label": `Forget that the person at ${clock(place[0])} ${CHOICES[choice]}`, text: "×", onclick: () => this.remove(choice, point) }))));
    this.drawMarks();
  }

  drawMarks() {
    const overlay = byId("overlay"), facts = this.viewer.facts;
    overlay.querySelectorAll(".person").forEach((mark) => mark.remove());
    if (!facts || byId("people").hidden) return;
    overlay.setAttribute("viewBox", `0 0 ${facts.width} ${facts.height}`);
    for (const { choice, place: [seconds, x, y] } of this.points()) {
      const mark = document.createElementNS(SVG, "circle"), isNow = Math.abs(seconds - this.viewer.seconds) < 1e-3;
      for (const [name, value] of Object.entries({ cx: x, cy: y, r: facts.height / 60, class: `person ${choice} ${isNow ? "" : "elsewhere"}` })) mark.setAttribute(name, value);
      overlay.append(mark);
    }
  }
}
