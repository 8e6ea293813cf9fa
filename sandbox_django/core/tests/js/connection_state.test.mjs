import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { showConnectionState } from "../../static/core/js/connection_state.js";

function aPage() {
  const page = Object.assign(new EventTarget(), { navigator: { onLine: true } });
  const live = Object.assign(new EventTarget(), { state: "connecting" });
  const place = { dataset: {}, textContent: "" };
  const announcements = { textContent: "" };
  showConnectionState(live, place, announcements, page);
  return {
    place,
    announcements,
    become(state) {
      live.state = state;
      live.dispatchEvent(new Event("state"));
    },
    hear: (action) => live.dispatchEvent(new Event(action)),
    be(isOnline) {
      page.navigator.onLine = isOnline;
      page.dispatchEvent(new Event(isOnline ? "online" : "offline"));
    },
  };
}

describe("The state in the bar", () => {
  it("is live once the socket is, without an announcement", () => {
    const { place, announcements, become } = aPage();
    assert.equal(place.dataset.state, "connecting");

    become("live");

    assert.deepEqual([place.dataset.state, place.textContent, announcements.textContent], ["live", "Live", ""]);
  });

  it("is offline as soon as the browser is, although the socket has not noticed", () => {
    const { place, announcements, become, be } = aPage();
    become("live");

    be(false);

    assert.deepEqual([place.dataset.state, place.textContent, announcements.textContent], ["offline", "Offline", "Offline"]);
  });

  it("is not live again before something has come over the socket", () => {
    for (const proof of ["pong", "authentication"]) {
      const { place, announcements, become, be, hear } = aPage();
      become("live");
      be(false);

      be(true);
      assert.equal(place.dataset.state, "reconnecting");
      hear(proof);

      assert.deepEqual([place.dataset.state, announcements.textContent], ["live", "Connected again."]);
    }
  });

  it("stays offline while the socket is being replaced", () => {
    const { place, become, be } = aPage();
    become("live");
    be(false);

    become("reconnecting");
    assert.equal(place.dataset.state, "offline");
    be(true);
    assert.equal(place.dataset.state, "reconnecting");
    become("live");

    assert.equal(place.dataset.state, "live");
  });

  it("is closed for good when the socket was refused, online or not", () => {
    const { place, become, be } = aPage();

    become("refused");
    be(false);
    be(true);

    assert.equal(place.dataset.state, "refused");
  });
});
