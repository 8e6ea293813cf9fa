// Says in the bar whether the page is live, and tells a screen reader when that changes for longer than a moment.

const WORDS = { connecting: "Live", live: "Live", reconnecting: "Reconnecting…", refused: "Closed" };

export function showState(live, place, announcements) {
  let wasAway = false;
  live.addEventListener("state", ({ detail }) => {
    place.dataset.state = detail;
    place.textContent = WORDS[detail];
    if (detail !== "live") announcements.textContent = place.textContent;
    else if (wasAway) announcements.textContent = "Connected again.";
    wasAway = detail !== "live";
  });
}
