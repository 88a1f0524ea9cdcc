// What the page shows, and what a person has decided so far.
const data = JSON.parse(document.getElementById("data").textContent);
const SOURCES = {
  "found": "found by a detector", "followed": "followed by its own motion", "filled": "between two finds", "held": "held where it was",
  "by hand": "added by hand",
};
const earlier = data.edits;
const state = {
  // track -> {drop, keep: false | {start, end}, only: boolean}
  tracks: new Map(data.tracks.map((track) => [track.track, {drop: false, keep: false, only: false}])),
  opened: new Set(),
  additions: structuredClone(earlier.add ?? []),
  // What this page has no control for stays as it was.
  rest: {keep: [], drop: []},
};
for (const kind of ["drop", "keep"]) {
  for (const entry of earlier[kind] ?? []) {
    const choice = state.tracks.get(entry.track);
    if (choice && !choice.drop && !choice.keep) choice[kind] = {start: entry.start ?? null, end: entry.end ?? null};
    else state.rest[kind].push(entry);
  }
}
for (const entry of earlier.only ?? []) if (state.tracks.has(entry.track)) state.tracks.get(entry.track).only = true;

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6), whole = Math.floor(tenths / 10), pad = (value) => String(value).padStart(2, "0");
  const text = `${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
  return `${whole >= 3600 ? `${Math.floor(whole / 3600)}:` : ""}${text}.${tenths % 10}`;
}

// Seconds for "12.5" or "1:02.5"; null for nothing, NaN for what is no time.
function readTime(text) {
  const written = text.trim();
  if (!written) return null;
  if (!/^(\d+:){0,2}\d+(\.\d+)?$/.test(written)) return NaN;
  return written.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

// The edits, as `--edits` reads them.
function edits() {
  const range = ({start, end}) => ({...(start !== null && {start}), ...(end !== null && {end})});
  const chosen = (kind) => [...state.tracks].filter(([, choice]) => choice[kind]).map(([track, choice]) => ({track, ...range(choice[kind])}));
  const candidates = [...state.opened].sort((a, b) => a - b).map((index) => {
    const {first, last, box} = data.candidates[index];
    return {boxes: first === last ? [{seconds: first, box}] : [{seconds: first, box}, {seconds: last, box}]};
  });
  const lists = {
    keep: [...chosen("keep"), ...state.rest.keep],
    drop: [...chosen("drop"), ...state.rest.drop],
    only: [...state.tracks].filter(([, choice]) => choice.only).map(([track]) => ({track})),
    add: [...state.additions.filter((addition) => addition.boxes.length), ...candidates],
    show_unexamined: earlier.show_unexamined ?? [],
  };
  return editsOf(data.plan_id, lists);
}

const listeners = [];
let saved = JSON.stringify(edits());

function changed() {
  for (const listener of listeners) listener();
  const now = edits();
  byId("edits").textContent = JSON.stringify(now, null, 2);
  const count = Object.values(now).filter(Array.isArray).reduce((sum, list) => sum + list.length, 0);
  const unsaved = JSON.stringify(now) !== saved;
  byId("changes").textContent = `${count === 1 ? "1 edit" : `${count} edits`}${unsaved ? ", not saved yet" : ""}`;
}

function whatIsWrong(input) {
  if (input.type === "checkbox") return "a face is to be the only one that is covered, and is never to be covered.";
  if (Number.isNaN(readTime(input.value))) return `"${input.value}" is not a time. Write seconds or minutes:seconds, such as 12.5 or 1:02.5.`;
  return `${input.value} is before the last box that was drawn.`;
}

byId("save").onclick = () => {
  const wrong = document.querySelector('[aria-invalid="true"]');
  if (wrong) {
    byId("changes").textContent = `Not saved: ${whatIsWrong(wrong)}`;
    return wrong.focus();
  }
  saveEdits(edits(), data.edits_name);
  saved = JSON.stringify(edits());
  changed();
};
window.addEventListener("beforeunload", (event) => {
  if (JSON.stringify(edits()) !== saved) event.preventDefault();
});
