// Shows in the bar whether the page is connected. Screen readers announce changes.
//
// A socket detects a lost connection late, while the browser often knows immediately that there is no network. When the
// network is back, the old socket counts as live only after it has received a frame.

const WORDS = { connecting: "Live", live: "Live", reconnecting: "Reconnecting…", offline: "Offline", refused: "Closed" };

export function showConnectionState(live, place, announcements, page = globalThis) {
  let shown = null;
  let isUnproven = false;

  function stateNow() {
    if (live.state === "refused") return "refused";
    if (!page.navigator.onLine) return "offline";
    return live.state === "live" && isUnproven ? "reconnecting" : live.state;
  }

  function show() {
    const state = stateNow();
    if (state === shown) return;
    const wasAway = shown !== null && shown !== "connecting";
    shown = state;
    place.dataset.state = state;
    place.textContent = WORDS[state];
    if (state === "live" && wasAway) announcements.textContent = "Connected again.";
    else if (state !== "live" && state !== "connecting") announcements.textContent = WORDS[state];
  }

  function prove() {
    isUnproven = false;
    show();
  }

  live.addEventListener("state", prove);
  live.addEventListener("authentication", prove);
  live.addEventListener("pong", prove);
  page.addEventListener("online", show);
  page.addEventListener("offline", () => {
    isUnproven = true;
    show();
  });
  show();
}
