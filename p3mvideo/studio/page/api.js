// Requests to the program that serves this page.

export class Refused extends Error {}

async function answered(response) {
  if (response.ok) return response;
  let text = `${response.status} ${response.statusText}`;
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/json")) {
    const told = await response.json();
    text = told.hint ? `${told.message} — ${told.hint}` : told.message;
  } else {
    text = (await response.text()) || text;
  }
  throw new Refused(text);
}

async function request(path, options) {
  try {
    return await answered(await fetch(path, options));
  } catch (error) {
    if (error instanceof TypeError) throw new Refused("The program does not answer. Is p3mvideo studio still running?");
    throw error;
  }
}

const json = (method, value, signal) => ({ method, signal, headers: { "content-type": "application/json" }, body: JSON.stringify(value) });

export const forms = async () => (await request("api/forms")).json();
export const facts = async (file) => (await request(`api/files/${file}/facts`)).json();
export const addPath = async (path) => (await request("api/paths", json("POST", { path }))).json();
export const remove = (file) => request(`api/files/${file}`, { method: "DELETE" });
export const preview = async (wanted, signal) => (await request("api/preview", json("POST", wanted, signal))).blob();
export const submit = async (job) => (await request("api/jobs", json("POST", job))).json();
export const cancel = (job) => request(`api/jobs/${job}`, { method: "DELETE" });
export const presets = async () => (await request("api/presets")).json();
export const savePreset = async (preset) => (await request("api/presets", json("POST", preset))).json();
export const removePreset = (name) => request(`api/presets/${encodeURIComponent(name)}`, { method: "DELETE" });
export const cameras = async () => (await request("api/live/cameras")).json();
export const startLive = (values) => request("api/live", json("POST", values));
export const changeLive = (values) => request("api/live", json("PATCH", values));
export const stopLive = () => request("api/live", { method: "DELETE" });
export const contentOf = (file, download) => `api/files/${file}/content${download ? "?download" : ""}`;

// Sends a file as it is read from the disk; `onProgress` is called with a share from 0 to 1.
export function upload(file, onProgress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("PUT", `api/files?name=${encodeURIComponent(file.name)}`);
    sending.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    sending.onerror = () => reject(new Refused("The upload broke off."));
    sending.onload = () => {
      let told = {};
      try { told = JSON.parse(sending.responseText); } catch { told = { message: sending.responseText }; }
      if (sending.status === 201) resolve(told);
      else reject(new Refused(told.hint ? `${told.message} — ${told.hint}` : told.message));
    };
    sending.send(file);
  });
}

// The live image after the one with a number, or null if there is none for a moment.
export async function liveImage(after) {
  const response = await request(`api/live/image?after=${after}`);
  return response.status === 200 ? { number: response.headers.get("x-image-number"), image: await response.blob() } : null;
}

// Calls `onState` with all jobs, all files and the live run whenever one of them changes.
// `onContact` is told whether the program answers.
export function follow(onState, onContact) {
  const source = new EventSource("api/events");
  source.onmessage = (event) => { onContact(true); onState(JSON.parse(event.data)); };
  source.onerror = () => onContact(false);
}
