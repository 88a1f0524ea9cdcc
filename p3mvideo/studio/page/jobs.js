// The list of jobs: how far each has come, and what it made.

import * as api from "./api.js";
import { byId, element, redraw } from "./elements.js";

const WORDS = { waiting: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled" };

function stateOf(job) {
  if (job.state !== "running") return WORDS[job.state];
  if (!job.total) return job.done ? `${job.done} frames` : "starting";
  const left = job.secondsLeft === null ? "" : `, ${job.secondsLeft} s left`;
  return `${Math.floor((100 * job.done) / job.total)} %${left}`;
}

export class JobList {
  constructor({ onPlay, onError, onFaces }) {
    this.onPlay = onPlay;
    this.onError = onError;
    this.onFaces = onFaces;
    this.lines = new Map(); // job -> its line, and what that was made of
    this.nothing = element("li", { class: "quiet", text: "What you save appears here." });
  }

  // Lines stay while their jobs go on: a button that was replaced between press and release would not be clicked.
  show(jobs, files) {
    const names = new Map(files.map((file) => [file.id, file.name])), before = this.lines;
    this.lines = new Map(jobs.map((job) => [job.id, this.known(before.get(job.id), job, names)]));
    const list = byId("job-list"), lines = [...this.lines.values()].map(({ line }) => line).reverse();
    if (!lines.length) lines.push(this.nothing);
    if (lines.length !== list.children.length || lines.some((line, place) => line !== list.children[place])) redraw(list, ...lines);
  }

  known(before, job, names) {
    const { done, secondsLeft, rate, ...lasting } = job, made = JSON.stringify([lasting, names.get(job.source)]);
    if (before?.made !== made) return { made, line: this.line(job, names) };
    if (job.state === "running") {
      if (job.total) before.line.querySelector("progress").value = done;
      before.line.querySelector(".state").textContent = stateOf(job);
    }
    return before;
  }

  line(job, names) {
    const title = job.preview ? "3 seconds" : job.results[0]?.name ?? `${job.title}: ${names.get(job.source) ?? ""}`;
    const bar = element("progress", { max: job.total ?? 1, "aria-label": `Progress of ${title}` });
    if (job.total) bar.value = job.done;
    else if (job.state !== "running") bar.value = job.state === "done" ? 1 : 0;
    if (job.state === "done") bar.value = bar.max;
    const links = element("span", { class: "links" });
    if (job.state === "running" || job.state === "waiting") {
      links.append(element("button", { type: "button", text: "Cancel", "data-key": `cancel ${job.id}`, onclick: () => api.cancel(job.id).catch(this.onError) }));
    }
    for (const [number, result] of job.results.entries()) {
      if (number === 0) links.append(element("button", { type: "button", text: "Look", "data-key": `look ${result.id}`, onclick: () => this.onPlay(result) }));
      if (!job.preview && result.name.endsWith(".audit.json")) {
        links.append(element("button", { type: "button", text: "Faces", "data-key": `faces ${result.id}`, onclick: () => this.onFaces(job, result) }));
      }
      if (!job.preview) {
        const word = number === 0 ? "Download" : result.name.includes(".audit.") ? "Audit" : result.name.endsWith(".jpg") ? "Sheet" : "Review";
        links.append(element("a", { class: "button", href: api.contentOf(result.id, true), download: result.name, text: word, "data-key": `get ${result.id}` }));
      }
    }
    const words = job.state === "failed" || job.state === "done" ? job.messages.join("\n") : "";
    return element(
      "li", { class: job.state }, element("span", { text: title }), element("span", {}, bar, element("span", { class: "state", text: stateOf(job) })), links,
      ...(words ? [element("p", { class: "words", text: words })] : []),
    );
  }
}
