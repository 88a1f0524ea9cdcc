// The faces of a recording that was covered: who is covered when, what was left open, and a person's corrections.

import * as api from "./api.js";
import { LEAST_PX, addBox, boxBetween, drawBoxes, editsOf, saveEdits } from "./edits.js";
import { byId, clock, element } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const DECISIONS = [["cover", "cover"], ["keep", "show this face"], ["drop", "is no face"], ["only", "cover only this"]];
const THUMBNAIL_PX = 96, CONTEXT = 1.8, MOST_THUMBNAILS = 80;
const FIND_SECONDS = 0.002; // as in p3mvideo/io/video/read/source.py

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// The box of a track in a frame, by the rule of the audit; null where it is not in sight.
function boxAt(track, frame) {
  for (const span of track.spans) {
    const box = boxBetween(span, frame, "frame");
    if (box) return box;
  }
  return null;
}

export class FaceBench {
  constructor(viewer, { onApply, onError }) {
    this.viewer = viewer;
    this.onApply = onApply;
    this.onError = onError;
    this.audit = this.source = null;
    this.lines = []; // moves the hand of each time line
    this.rectangle = null;
    this.draws = false;
    byId("bench-draw").addEventListener("click", () => this.setDraws(!this.draws));
    byId("bench-box").addEventListener("submit", (event) => { event.preventDefault(); this.addBox(false); });
    byId("bench-more").addEventListener("click", () => this.addBox(true));
    byId("bench-apply").addEventListener("click", () => this.onApply(this.source, this.auditFile, this.edits()));
    byId("bench-save").addEventListener("click", () => saveEdits(this.edits(), this.auditFile.name.replace(/audit\.json$/, "edits.json")));
    byId("bench-close").addEventListener("click", () => this.close());
    byId("scrubber").addEventListener("input", () => this.drawOverlay());
    for (const name of ["x0", "y0", "x1", "y1"]) byId(`bench-${name}`).addEventListener("input", () => this.takeNumbers());
    drawBoxes(byId("overlay"), () => (this.draws ? [this.viewer.facts.width, this.viewer.facts.height] : null), (box) => {
      ["x0", "y0", "x1", "y1"].forEach((name, side) => { byId(`bench-${name}`).value = Math.round(box[side]); });
      this.takeNumbers();
    });
  }

  async open(source, auditFile) {
    try {
      this.audit = await (await fetch(api.contentOf(auditFile.id))).json();
    } catch (error) { this.onError(error); return; }
    this.source = source;
    this.auditFile = auditFile;
    this.additions = [];
    this.decisions = new Map();
    for (const part of ["keep", "drop", "only"]) for (const choice of this.audit.edits?.[part] ?? []) if (choice.track) this.decisions.set(choice.track, part);
    if (this.audit.edits?.add) this.additions = structuredClone(this.audit.edits.add);
    byId("bench").hidden = false;
    this.draw();
    byId("bench").scrollIntoView({ block: "nearest" });
    await this.thumbnails();
  }

  close() {
    this.audit = this.source = null;
    this.setDraws(false);
    byId("bench").hidden = true;
    this.drawOverlay();
  }

  // The number of the frame that is shown, by the rule of the preview: the first one from slightly before the moment on, else the last one.
  get frame() {
    const times = this.audit.frame_seconds, from = this.viewer.seconds - FIND_SECONDS;
    let low = 0, high = times.length - 1;
    while (low < high) { const middle = (low + high) >> 1; if (times[middle] >= from) high = middle; else low = middle + 1; }
    return low;
  }

  edits() {
    const of = (wanted) => [...this.decisions].filter(([, decision]) => decision === wanted).map(([track]) => ({ track }));
    return editsOf(this.audit.plan_id, { keep: of("keep"), drop: of("drop"), only: of("only"), add: this.additions });
  }

  draw() {
    const { tracks, candidates } = this.audit;
    const own = tracks.filter((track) => track.frames_by_hand === 0 || track.frames_found > 0);
    byId("bench-words").textContent = own.length
      ? `${own.length} ${own.length === 1 ? "face" : "faces"} followed. Time lines go there by click or arrow keys.`
      : "No face was found. Draw a box around each that you see.";
    this.lines = [];
    byId("bench-tracks").replaceChildren(...own.map((track) => this.trackLine(track)));
    byId("bench-open").hidden = candidates.length === 0;
    byId("bench-candidates").replaceChildren(...candidates.map((candidate, number) => this.candidate(candidate, number)));
    this.drawAdditions();
    this.drawOverlay();
  }

  trackLine(track) {
    const select = element("select", { "aria-label": `What to do with face ${track.track}`, onchange: (event) => { this.decide(track.track, event.target.value); } },
      ...DECISIONS.map(([value, text]) => element("option", { value, text })));
    select.value = this.decisions.get(track.track) ?? "cover";
    const weakest = track.weakest ? `weakest ${track.weakest.score.toFixed(2)} at ${clock(track.weakest.seconds)}` : "never found by a detector";
    const canvas = element("canvas", { width: THUMBNAIL_PX, height: THUMBNAIL_PX, "data-track": track.track, role: "img", "aria-label": `Face ${track.track} at its weakest moment` });
    const go = element("button", { type: "button", class: "plain", "aria-label": `Go to the weakest moment of face ${track.track}`, onclick: () => this.viewer.seek(track.weakest?.seconds ?? track.first_seconds) }, canvas);
    return element("li", {}, go, element("span", {}, element("strong", { text: `Face ${track.track}` }), element("small", { text: weakest })), this.timeline(track), select);
  }

  // A slider over the frames, on which the moments of a track are marked. Page up and down go from one time in sight to the next.
  timeline(track) {
    const times = this.audit.frame_seconds, last = Math.max(0, times.length - 1), { spans } = track;
    const hand = svg("line", { y1: 0, y2: 10, class: "hand" });
    const picture = svg("svg", { viewBox: `0 0 ${last + 1} 10`, preserveAspectRatio: "none", class: "timeline", tabindex: 0, role: "slider",
      "aria-label": `Time line of face ${track.track}`, "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": 0 });
    for (const span of spans) picture.append(svg("rect", { x: span[0].frame, width: span[span.length - 1].frame - span[0].frame + 1, y: 1, height: 8, class: "span" }));
    if (track.longest_unfound) {
      const { first_frame: first, last_frame: end } = track.longest_unfound;
      picture.append(svg("rect", { x: first, width: end - first + 1, y: 1, height: 8, class: "unfound" }));
    }
    picture.append(hand);
    const go = (frame) => this.viewer.seek(times[Math.min(last, Math.max(0, frame))]);
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      go(Math.floor(((event.clientX - box.left) / box.width) * (last + 1)));
    });
    picture.addEventListener("keydown", (event) => {
      const now = this.frame, starts = spans.map((span) => span[0].frame);
      const wanted = {
        ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: last,
        PageUp: starts.find((frame) => frame > now) ?? now, PageDown: starts.findLast((frame) => frame < now) ?? now,
      }[event.key];
      if (wanted === undefined) return;
      event.preventDefault();
      go(wanted);
    });
    this.lines.push((frame) => {
      for (const end of ["x1", "x2"]) hand.setAttribute(end, frame + 0.5);
      picture.setAttribute("aria-valuenow", frame);
      picture.setAttribute("aria-valuetext", `${clock(times[frame])}, ${boxAt(track, frame) ? "in sight" : "not in sight"}`);
    });
    return picture;
  }

  candidate(candidate, number) {
    const canvas = element("canvas", { width: THUMBNAIL_PX, height: THUMBNAIL_PX, "data-candidate": number, role: "img", "aria-label": `What may be a face at ${clock(candidate.seconds)}` });
    return element("li", {},
      element("button", { type: "button", class: "plain", "aria-label": `Go to ${clock(candidate.seconds)}`, onclick: () => this.viewer.seek(candidate.seconds) }, canvas),
      element("small", { text: `${clock(candidate.seconds)}, score ${candidate.score.toFixed(2)}` }),
      element("button", { type: "button", text: "Cover", onclick: () => { this.additions.push({ follow: true, boxes: [{ seconds: candidate.seconds, box: candidate.box }] }); this.drawAdditions(); this.drawOverlay(); } }));
  }

  decide(track, decision) {
    if (decision === "cover") this.decisions.delete(track);
    else this.decisions.set(track, decision);
    this.drawOverlay();
  }

  drawAdditions() {
    byId("bench-additions").replaceChildren(...this.additions.map((added, number) => element("li", {},
      element("button", { type: "button", class: "plain", text: `Added: ${added.boxes.map((box) => clock(box.seconds)).join(", ")}${added.follow ? ", followed from there" : ""}`, onclick: () => this.viewer.seek(added.boxes[0].seconds) }),
      element("button", { type: "button", "aria-label": `Remove addition ${number + 1}`, text: "×", onclick: () => { this.additions.splice(number, 1); this.drawAdditions(); this.drawOverlay(); } }))));
    byId("bench-more").disabled = this.additions.length === 0;
  }

  // Adds the drawn box: as a new face that is followed from here, or as a further moment of the last one that was added.
  addBox(further) {
    if (!this.rectangle) { this.viewer.note("Draw a box around the face first.", true); return; }
    const box = { seconds: this.audit.frame_seconds[this.frame], box: this.rectangle.map((value) => Math.round(value)) };
    const last = this.additions[this.additions.length - 1];
    if (further && last) {
      addBox(last, box);
    } else {
      this.additions.push({ follow: true, boxes: [box] });
    }
    this.rectangle = null;
    this.viewer.note("");
    this.setDraws(false);
    this.drawAdditions();
    this.drawOverlay();
  }

  setDraws(draws) {
    this.draws = draws;
    byId("bench-draw").setAttribute("aria-pressed", String(draws));
    byId("overlay").classList.toggle("draws", draws);
  }

  takeNumbers() {
    const box = ["x0", "y0", "x1", "y1"].map((name) => Number(byId(`bench-${name}`).value));
    this.rectangle = box[2] - box[0] >= LEAST_PX && box[3] - box[1] >= LEAST_PX ? box : null;
    this.drawOverlay();
  }

  drawOverlay() {
    const overlay = byId("overlay"), facts = this.viewer.facts;
    overlay.querySelectorAll("rect, text").forEach((drawn) => drawn.remove());
    if (!this.audit || !facts || this.viewer.file?.id !== this.source.id) return;
    overlay.setAttribute("viewBox", `0 0 ${facts.width} ${facts.height}`);
    const frame = this.frame, only = [...this.decisions.values()].includes("only");
    for (const moveTo of this.lines) moveTo(frame);
    const show = (box, classes, text) => {
      overlay.append(svg("rect", { x: box[0], y: box[1], width: box[2] - box[0], height: box[3] - box[1], class: classes }));
      if (!text) return;
      const label = svg("text", { x: box[0], y: box[1] - 4, "font-size": Math.max(12, facts.height / 40) });
      label.textContent = text;
      overlay.append(label);
    };
    for (const track of this.audit.tracks) {
      const box = boxAt(track, frame), decision = this.decisions.get(track.track) ?? "cover";
      if (!box || (track.frames_by_hand > 0 && track.frames_found === 0)) continue;
      const open = decision === "keep" || decision === "drop" || (only && decision !== "only");
      show(box, open ? "left-open" : "covered", String(track.track));
    }
    for (const added of this.additions) for (const box of added.boxes) if (box.seconds === this.audit.frame_seconds[frame]) show(box.box, "added", "+");
    if (this.rectangle) show(this.rectangle, "drawn");
  }

  // Draws what is seen at the weakest moments, one frame after the other.
  async thumbnails() {
    const audit = this.audit, wanted = [];
    for (const track of audit.tracks) {
      const frame = track.weakest?.frame ?? track.spans[0]?.[0].frame;
      if (frame !== undefined) wanted.push({ frame, box: boxAt(track, frame), canvas: document.querySelector(`canvas[data-track="${track.track}"]`) });
    }
    audit.candidates.forEach((one, number) => wanted.push({ frame: one.frame, box: one.box, canvas: document.querySelector(`canvas[data-candidate="${number}"]`) }));
    for (const { frame, box, canvas } of wanted.slice(0, MOST_THUMBNAILS)) {
      if (this.audit !== audit || !canvas || !box) continue;
      try {
        const blob = await api.preview({ kind: "anonymize", file: this.source.id, seconds: audit.frame_seconds[frame], width: 0, view: "original" });
        const image = await createImageBitmap(blob), side = Math.max(box[2] - box[0], box[3] - box[1]) * CONTEXT;
        canvas.getContext("2d").drawImage(image, (box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2, side, side, 0, 0, THUMBNAIL_PX, THUMBNAIL_PX);
        image.close();
      } catch (error) { this.onError(error); return; }
    }
  }
}
