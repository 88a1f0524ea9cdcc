// The webcam: what others see, what is going on, and all that can be changed meanwhile.

import * as api from "./api.js";
import { Backgrounds, isImage } from "./backgrounds.js";
import { byId, element } from "./elements.js";

const RETRY_MS = 1000, MAKING_MS = 1500, SELECTS = ["anonymize", "smoothing", "keep"], SLIDERS = ["smoothing_strength", "brighten"], CHECKS = ["frame_person"];

export class LiveView {
  constructor({ shipped, files, receive }) {
    Object.assign(this, { files, state: { runs: false, state: "off" }, isVisible: false, isFetching: false, failure: "" });
    this.wanted = {}; // what the form says beyond what a camera's profile remembers; the next run begins with it
    this.asked = {}; // until when a control shows what was asked for, which the run has still to do
    const own = () => files().filter((file) => file.origin !== "result");
    this.backgrounds = new Backgrounds(byId("live-backgrounds"), { none: false, shipped, files: own, receive, onTake: (value) => this.change({ background: value }) });
    byId("live-start").addEventListener("click", () => (this.state.runs ? this.stop() : this.start()));
    byId("live-panic").addEventListener("click", () => this.panic());
    byId("live-virtual").addEventListener("click", () => this.change({ virtual_camera: !this.state.virtualCamera }));
    byId("live-mirror").addEventListener("change", (event) => this.change({ mirror: event.target.checked }));
    for (const name of SELECTS) byId(`live-${name}`).addEventListener("change", (event) => this.change({ [name]: event.target.value }));
    for (const name of SLIDERS) byId(`live-${name}`).addEventListener("change", (event) => this.change({ [name]: Number(event.target.value) }));
    for (const name of CHECKS) byId(`live-${name}`).addEventListener("change", (event) => this.change({ [name]: event.target.checked }));
    byId("live-again").addEventListener("click", () => this.listCameras());
    document.addEventListener("keydown", (event) => {
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (this.isVisible && this.state.runs && isPlain && event.key.toLowerCase() === "p" && !event.target.matches("input, select, textarea")) this.panic();
    });
    this.backgrounds.draw("blur");
  }

  async setVisible(isVisible) {
    const wasVisible = this.isVisible;
    this.isVisible = isVisible;
    if (!isVisible) return;
    if (!wasVisible && !this.state.runs) await this.listCameras();
    this.follow();
  }

  async listCameras() {
    const list = byId("live-camera"), chosen = list.value;
    try {
      this.cameras = await api.cameras();
    } catch (error) { this.fail(error); return; }
    this.drawCameras(chosen);
  }

  drawCameras(chosen = byId("live-camera").value) {
    const clips = this.files().filter((file) => file.origin !== "result" && !isImage(file.name));
    const cameras = this.cameras ?? [];
    byId("live-camera").replaceChildren(
      ...cameras.map((camera) => element("option", { value: camera.id, text: camera.problem ? `${camera.name} (${camera.problem})` : camera.name })),
      ...(clips.length ? [element("optgroup", { label: "Play a clip instead" }, ...clips.map((file) => element("option", { value: `file:${file.id}`, text: file.name })))] : []),
      ...(cameras.length || clips.length ? [] : [element("option", { value: "", text: "no camera found" })]),
    );
    if ([...byId("live-camera").options].some((option) => option.value === chosen)) byId("live-camera").value = chosen;
    byId("live-start").disabled = !this.state.runs && !byId("live-camera").value;
  }

  filesChanged() {
    this.drawCameras();
    this.backgrounds.draw(this.background);
  }

  get background() { return this.state.background ?? this.wanted.background ?? "blur"; }

  // Stays to be read until something else is done.
  fail(error) {
    this.failure = error.message;
    this.showAnswer();
  }

  showAnswer() {
    const { state } = this, problem = this.failure || (!state.answer && state.error);
    byId("live-answer").textContent = problem || state.answer || (state.runs ? "" : this.advice());
    byId("live-answer").classList.toggle("bad", Boolean(problem));
  }

  start() { return this.ask(() => api.startLive({ camera: byId("live-camera").value, ...this.wanted })); }

  stop() { return this.ask(() => api.stopLive()); }

  panic() { return this.change({ paused: !this.state.paused }); }

  // Asks the program for something, and returns whether it will be done.
  async ask(request) {
    this.failure = "";
    try {
      await request();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  // Before the start, what is chosen waits for it.
  async change(values) {
    const before = { ...this.wanted }, { paused, virtual_camera: virtualCamera, ...kept } = values;
    Object.assign(this.wanted, kept);
    if (!this.state.runs) {
      this.backgrounds.draw(this.background);
      return;
    }
    for (const name of Object.keys(kept)) this.asked[name] = performance.now() + MAKING_MS;
    if (await this.ask(() => api.changeLive(values))) return;
    this.wanted = before;
    this.asked = {};
    this.show(this.state);
  }

  show(state) {
    const wasOn = this.state.runs, former = this.state;
    this.state = state;
    // The form stays as it is, so the next run begins with what it shows, though this one may have ended before it did all of that.
    if (wasOn && !state.runs && former.settings) Object.assign(this.wanted, this.shown());
    byId("live-headline").textContent = state.headline;
    byId("live-headline").className = state.state;
    if (state.state !== former.state) byId("live-said").textContent = state.headline; // read aloud only when it is another one
    this.showAnswer();
    byId("live-start").textContent = state.runs ? "Stop" : "Start";
    byId("live-camera").disabled = byId("live-again").disabled = state.runs;
    byId("live-start").disabled = !state.runs && !byId("live-camera").value;
    byId("live-panic").disabled = byId("live-virtual").disabled = !state.runs || state.background === undefined;
    byId("live-panic").textContent = state.paused ? "Show me again" : "Hide me";
    byId("live-panic").setAttribute("aria-pressed", String(Boolean(state.paused)));
    byId("live-virtual").textContent = state.virtualCamera ? "Stop the virtual camera" : "Start the virtual camera";
    byId("live-virtual-words").textContent = state.virtualCamera ? `Other programs see ${state.virtualCamera}.` : state.runs ? "Other programs do not see you through p3mvideo yet." : "";
    byId("live-figures").replaceChildren(...(state.figures ?? []).filter(Boolean).map((text) => element("li", { text })));
    byId("live-messages").textContent = (state.messages ?? []).join("\n");
    if (state.settings) this.showSettings(state);
    if (state.background !== former.background || wasOn !== state.runs) this.backgrounds.draw(this.background);
    if (!state.runs) { byId("live-image").hidden = true; byId("live-empty").hidden = false; }
    this.follow();
  }

  advice() {
    if (byId("live-camera").value) return "Choose a background and start. Nothing is sent anywhere.";
    return "No camera was found. Plug one in and look again, or add a clip to play instead.";
  }

  // What the controls show.
  shown() {
    const of = (names, what) => names.map((name) => [name, byId(`live-${name}`)[what]]);
    return Object.fromEntries([...of(SELECTS, "value"), ...of(SLIDERS, "valueAsNumber"), ...of([...CHECKS, "mirror"], "checked")]);
  }

  showSettings({ settings, mirror }) {
    const set = (name, what, value) => {
      const control = byId(`live-${name}`), isDragged = control.type === "range" && document.activeElement === control;
      if (!isDragged && !(performance.now() < this.asked[name])) control[what] = value;
    };
    for (const name of [...SELECTS, ...SLIDERS]) set(name, "value", settings[name]);
    for (const name of CHECKS) set(name, "checked", settings[name]);
    set("mirror", "checked", mirror);
  }

  // Asks for one image after the other, while they are seen.
  async follow() {
    if (this.isFetching) return;
    this.isFetching = true;
    let after = "";
    while (this.isVisible && this.state.runs && !document.hidden) {
      try {
        const next = await api.liveImage(after);
        if (next && this.state.runs) { after = next.number; this.draw(next.image); }
      } catch { await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); }); }
    }
    this.isFetching = false;
  }

  draw(blob) {
    const image = byId("live-image"), former = image.src;
    image.hidden = false;
    byId("live-empty").hidden = true;
    image.src = URL.createObjectURL(blob);
    if (former.startsWith("blob:")) image.decode().catch(() => {}).finally(() => URL.revokeObjectURL(former));
  }
}
