// Requests with the token of this launch, and streams that come back by themselves.

const KEY = "arkor-token";

// The token is in the fragment, which browsers do not send; from there it moves to this tab's memory.
function takeToken() {
  const found = /(?:^#|&)token=([0-9a-f]+)/.exec(location.hash);
  if (found) {
    sessionStorage.setItem(KEY, found[1]);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

const token = takeToken();
export const hasToken = () => token !== "";

export class Refused extends Error {
  constructor(status, { message, hint }) {
    super(hint ? `${message} (${hint})` : message);
    this.status = status;
  }
}

async function request(method, path, body) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Refused(0, { message: "arkor-host dev does not answer" });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Refused(response.status, answer.error ?? { message: response.statusText });
  }
  return answer;
}

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body);

/// Follows a stream while somebody looks: a browser has few connections to one server, and hidden
/// tabs would take them all. `address` is asked for each time, so that it can say where to go on.
export function follow(address, { message, lost }) {
  let source = null;
  let retry = 0;
  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    const url = new URL(address(), location.href);
    url.searchParams.set("token", token);
    source = new EventSource(url);
    source.onmessage = (event) => message(JSON.parse(event.data));
    source.onerror = () => {
      lost();
      // The browser tries again by itself unless the server refused.
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, 2000);
    };
  };
  document.addEventListener("visibilitychange", open);
  open();
  return () => {
    document.removeEventListener("visibilitychange", open);
    close();
  };
}
