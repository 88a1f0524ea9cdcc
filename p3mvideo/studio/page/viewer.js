// Shows one frame before and after, follows the scrubber, and asks for a new preview whenever something changes.

import * as api from "./api.js";
import { byId, clock } from "./elements.js";

const SETTLE_MS = 60;

export class Viewer {
  constructor(wanted) {
    this.wanted = wanted; // returns { kind, options }, or null where no frame is looked at
    this.file = null;
    this.facts = null;
    this.running = null;
    this.timer = 0;
    byId("scrubber").addEventListener("input", () => { this.showTime(); this.refresh(); });
    byId("divider").addEventListener("input", (event) => this.divide(event.target.value / 10));
    byId("zoom").addEventListener("change", () => this.refresh());
    for (const radio of document.querySelectorAll("[name=view]")) radio.addEventListener("change", () => this.refresh());
    this.divide(50);
  }

  get seconds() { return Number(byId("scrubber").value); }

  seek(seconds) {
    byId("scrubber").value = seconds;
    byId("scrubber").dispatchEvent(new Event("input"));
  }

  divide(percent) { byId("compare").style.setProperty("--divider", `${percent}%`); }

  showTime() { byId("time").textContent = clock(this.seconds); }

  note(text, bad = false) {
    byId("note").textContent = text;
    byId("note").classList.toggle("bad", bad);
  }

  async open(file) {
    this.file = file;
    this.facts = null;
    this.closePlayer();
    this.note(`Opening ${file.name} …`);
    let facts;
    try {
      facts = await api.facts(file.id);
    } catch (error) {
      if (this.file !== file) return; // another one was chosen meanwhile
      byId("compare").hidden = byId("controls").hidden = byId("people").hidden = true;
      this.note(error.message, true);
      return;
    }
    if (this.file !== file) return;
    this.facts = facts;
    const { begin, seconds, rate } = this.facts, scrubber = byId("scrubber"), step = rate > 0 ? 1 / rate : 0.04;
    scrubber.step = step;
    scrubber.min = begin;
    scrubber.max = Math.max(begin, begin + seconds - step / 2); // the last step is the last frame, however its time is rounded
    scrubber.disabled = seconds === 0;
    byId("render-preview").hidden = seconds === 0;
    byId("empty").hidden = true;
    byId("compare").hidden = byId("controls").hidden = false;
    byId("people").hidden = this.wanted()?.kind !== "process";
    this.seek(begin + seconds / 3);
  }

  clear() {
    clearTimeout(this.timer);
    this.closePlayer();
    this.file = this.facts = null;
    byId("empty").hidden = false;
    byId("compare").hidden = byId("controls").hidden = byId("people").hidden = true;
    this.note("");
  }

  play(file) {
    byId("compare").hidden = true;
    const player = byId("player");
    player.hidden = false;
    player.src = api.contentOf(file.id);
    player.play().catch(() => {});
  }

  closePlayer() {
    const player = byId("player");
    if (player.hidden) return;
    player.pause();
    player.removeAttribute("src");
    player.hidden = true;
    byId("compare").hidden = this.file === null;
  }

  refresh() {
    clearTimeout(this.timer);
    if (!this.facts || !this.wanted()) return;
    this.closePlayer();
    this.timer = setTimeout(() => this.fetch(), SETTLE_MS);
  }

  // One request at a time; what changed meanwhile is asked for when it has been answered.
  async fetch() {
    if (this.running) { this.again = true; return; }
    const { file, facts } = this, wanted = this.wanted();
    if (!facts || !wanted) return;
    const view = document.querySelector("[name=view]:checked").value, actual = byId("zoom").checked;
    const width = actual ? 0 : Math.min(1280, Math.ceil(byId("stage").clientWidth * Math.min(2, devicePixelRatio)));
    const common = { file: file.id, seconds: this.seconds, width, ...wanted };
    this.running = true;
    byId("stage").classList.add("busy");
    const started = performance.now();
    try {
      const before = `${file.id} ${this.seconds} ${width}`;
      if (before !== this.before) {
        this.show("before", await api.preview({ ...common, view: "original" }));
        this.before = before;
      }
      this.show("after", await api.preview({ ...common, view }));
      byId("compare").classList.toggle("actual", actual);
      if (this.file === file) this.note(`${facts.width} × ${facts.height}, preview in ${Math.round(performance.now() - started)} ms`);
    } catch (error) {
      if (this.file === file) this.note(error.message, true);
    }
    this.running = false;
    byId("stage").classList.remove("busy");
    if (this.again) { this.again = false; this.fetch(); }
  }

  show(id, blob) {
    const image = byId(id), former = image.src;
    image.src = URL.createObjectURL(blob);
    if (former.startsWith("blob:")) image.decode().catch(() => {}).finally(() => URL.revokeObjectURL(former));
  }
}
