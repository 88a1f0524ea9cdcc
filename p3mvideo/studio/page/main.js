// The page: files on the left, one frame in the middle, options on the right, jobs below.

import * as api from "./api.js";
import { Backgrounds, drawTiles, isImage, tile } from "./backgrounds.js";
import { byId, element, redraw, withArrowKeys } from "./elements.js";
import { FaceBench } from "./faces.js";
import { Form } from "./form.js";
import { JobList } from "./jobs.js";
import { LiveView } from "./live.js";
import { People } from "./people.js";
import { PresetList } from "./presets.js";
import { Viewer } from "./viewer.js";

const COVERS = [["blur", "Blur"], ["solid", "Solid"], ["mosaic", "Mosaic"]];
const OF_ONE_CLIP = { matte: ["select", "reject", "mask"], reading: ["start", "end"] };

let kind = "process";
let described;
let files = [];
let chosen = null;
let sending = 0;
let backgrounds, live, presets;
const played = new Set();

const forms = { process: null, anonymize: null };
const viewer = new Viewer(() => (kind === "live" ? null : { kind, options: forms[kind].values }));
const fail = (error) => (kind === "live" ? live.fail(error) : viewer.note(error.message, true));
const bench = new FaceBench(viewer, { onError: fail, onApply: applyEdits });
const people = new People(viewer, { matte: () => forms.process.values.matte, onChange: () => viewer.refresh() });
const jobList = new JobList({ onPlay: look, onError: fail, onFaces: openBench });

function look(result) {
  if (isImage(result.name)) window.open(api.contentOf(result.id), "_blank", "noopener");
  else viewer.play(result);
}

// Faces of a job that covered them

function openBench(job, audit) {
  const source = files.find((file) => file.id === job.source);
  if (!source) return fail(new Error("The file of this job was removed."));
  if (kind !== "anonymize") setKind("anonymize");
  document.querySelector("[name=view][value=original]").checked = true;
  if (chosen?.id !== source.id) choose(source);
  else viewer.refresh();
  bench.open(source, audit);
}

async function applyEdits(source, audit, edits) {
  try {
    await api.submit({ kind: "anonymize", file: source.id, options: forms.anonymize.values, container: byId("container").value, folder: byId("folder").value.trim(), audit: audit.id, edits });
    viewer.note("Covering again, with your corrections …");
  } catch (error) { fail(error); }
}

// Files

function drawFiles() {
  const own = files.filter((file) => file.origin !== "result");
  redraw(byId("file-list"), ...own.map((file) => element(
    "li", {},
    element("button", { type: "button", class: "pick", "data-key": file.id, "aria-pressed": String(file.id === chosen?.id), title: file.name, text: file.name, onclick: () => choose(file) }),
    element("button", { type: "button", "aria-label": `Remove ${file.name}`, text: "×", onclick: () => removeFile(file) }),
  )));
  byId("save").disabled = chosen === null;
  if (!described) return;
  forms[kind]?.show(described.forms[kind]);
  drawBackgrounds();
  live.filesChanged();
}

async function removeFile(file) {
  try {
    await api.remove(file.id);
  } catch (error) { fail(error); return; }
  files = files.filter((other) => other.id !== file.id);
  if (chosen?.id === file.id) { chosen = null; viewer.clear(); }
  drawFiles();
}

function choose(file) {
  if (chosen?.id !== file.id) people.clear();
  if (bench.source && bench.source.id !== file.id) bench.close();
  chosen = file;
  if (kind === "live") setKind("process");
  drawFiles();
  viewer.open(file);
}

function added(file) {
  if (!files.some((other) => other.id === file.id)) files.push(file);
}

async function receive(list, use = choose) {
  await ready;
  for (const dropped of list) {
    sending += 1;
    try {
      const file = await api.upload(dropped, (share) => viewer.note(`Reading ${dropped.name}: ${Math.round(100 * share)} %`));
      added(file);
      use(file);
    } catch (error) { fail(error); }
    sending -= 1;
  }
}

const drop = byId("drop");
for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); receive(event.dataTransfer.files); });
byId("choose").addEventListener("change", (event) => { receive([...event.target.files]); event.target.value = ""; });
byId("add-path").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const file = await api.addPath(byId("path").value);
    added(file);
    byId("path").value = "";
    choose(file);
  } catch (error) { fail(error); }
});
addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });

// Backgrounds and covers

function drawBackgrounds() {
  backgrounds.draw(forms.process.values.background.background ?? "transparent");
}

function takeBackground(value) {
  forms.process.set("background", "background", value);
  drawBackgrounds();
}

function drawCovers() {
  const now = forms.anonymize.values.cover.replace_with ?? "blur";
  drawTiles(byId("covers"), COVERS.map(([value, text]) => tile(text, now === value, () => { forms.anonymize.set("cover", "replace_with", value); drawCovers(); }, { classes: value === "blur" ? "soft" : value })));
}

function drawFaces() {
  const { anonymize, keep_subject: others } = forms.process.values.faces;
  byId("faces").value = others ? "others" : anonymize ?? "input";
}

byId("faces").addEventListener("change", (event) => {
  const chosenFaces = event.target.value, form = forms.process;
  form.set("faces", "keep_subject", chosenFaces === "others" ? true : null);
  form.set("faces", "anonymize", chosenFaces === "input" ? null : "output");
  form.show(described.forms.process);
});

// Presets

function takePreset(preset) {
  const { values } = forms[preset.kind];
  for (const group of Object.keys(values)) {
    const kept = Object.fromEntries((OF_ONE_CLIP[group] ?? []).filter((name) => name in values[group]).map((name) => [name, values[group][name]]));
    values[group] = { ...kept, ...preset.options[group] };
  }
  byId("container").value = preset.container;
  forms[preset.kind].show(described.forms[preset.kind]);
  drawBackgrounds();
  drawCovers();
  drawFaces();
  viewer.refresh();
}

// What to do

function setKind(wanted) {
  kind = wanted;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.kind === kind));
    tab.tabIndex = tab.dataset.kind === kind ? 0 : -1;
  }
  for (const part of document.querySelectorAll("[data-only]")) part.hidden = !part.dataset.only.split(" ").includes(kind);
  if (document.querySelector("[name=view]:checked").closest("[hidden]")) document.querySelector("[name=view][value=result]").checked = true;
  live.setVisible(kind === "live").catch(fail);
  if (kind === "live") return;
  byId("people").hidden = kind !== "process" || !viewer.facts;
  people.drawMarks();
  presets.draw();
  forms[kind].place = byId("form");
  forms[kind].show(described.forms[kind]);
  viewer.refresh();
}

for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => setKind(tab.dataset.kind));
for (const group of [document.querySelector("nav"), byId("covers")]) withArrowKeys(group);

async function submit(more) {
  viewer.note("");
  try {
    return await api.submit({ kind, file: chosen.id, options: forms[kind].values, container: byId("container").value, ...more });
  } catch (error) { fail(error); return null; }
}

byId("save").addEventListener("click", () => submit({ folder: byId("folder").value.trim() }));
let awaited = null;
byId("render-preview").addEventListener("click", async () => { awaited = (await submit({ previewFrom: viewer.seconds }))?.id ?? null; if (awaited) viewer.note("Rendering 3 seconds …"); });

function take(state) {
  const before = files.map((file) => file.id).join();
  files = state.files;
  if (files.map((file) => file.id).join() !== before) drawFiles();
  jobList.show(state.jobs, files);
  live.show(state.live);
  const job = state.jobs.find((one) => one.id === awaited);
  if (job?.state === "done" && !played.has(job.id)) { played.add(job.id); awaited = null; viewer.note(""); viewer.play(job.results[0]); }
  if (job?.state === "failed") { awaited = null; viewer.note(job.messages.join(" "), true); }
}

async function start() {
  described = await api.forms();
  for (const name of Object.keys(forms)) {
    forms[name] = new Form(byId("form"), () => files.filter((file) => isImage(file.name)), () => viewer.refresh());
    for (const group of described.forms[name]) forms[name].values[group.name] = {};
  }
  const shipped = described.backgrounds;
  const receiveBackground = (list, use) => receive(list, (file) => { use(file); drawFiles(); });
  const others = () => files.filter((file) => file.origin !== "result" && file.id !== chosen?.id);
  backgrounds = new Backgrounds(byId("backgrounds"), { none: true, shipped, files: others, receive: receiveBackground, onTake: takeBackground });
  live = new LiveView({ shipped, files: () => files, receive: receiveBackground });
  const now = () => ({ kind, options: forms[kind]?.values, container: byId("container").value });
  presets = new PresetList({ now, onTake: takePreset, onError: fail, onSaved: (preset) => viewer.note(`“${preset.name}” is kept.`) });
  await presets.load();
  byId("container").append(...described.containers.map((one) => element("option", { value: one.suffix, text: `${one.suffix} (${one.codecs.join(", ")}${one.alphaCodecs.length ? "; transparency" : ""})` })));
  forms.process.values.background.background = "sunset";
  drawCovers();
  setKind(location.hash === "#live" ? "live" : "process");
  drawFiles();
  api.follow(take, (answers) => { byId("contact").hidden = answers; });
}

// Until the page knows what the program can do, nothing can be pressed, and what is dropped waits.
const ready = start().catch(fail).finally(() => { document.body.inert = false; });
