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

// Calls `onState` with all jobs and files whenever one of them changes.
export function follow(onState, onLost) {
  const source = new EventSource("api/events");
  source.onmessage = (event) => onState(JSON.parse(event.data));
  source.onerror = () => onLost();
}
