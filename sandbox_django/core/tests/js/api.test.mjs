import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError, get, newKey, post } from "../../static/core/js/api.js";

describe("A request", () => {
  it("carries the token of our own page, from the cookie if there is one", async () => {
    const fetch = answering(201, {});

    await post("/api/things/", { a: 1 }, { fetch, document: page({ cookie: "x=1; csrftoken=fresh", token: "old" }) });

    assert.equal(fetch.calls[0].headers["X-CSRFToken"], "fresh");
    assert.equal(fetch.calls[0].body, '{"a":1}');
  });

  it("finds the token in the page when there is no cookie to read", async () => {
    const fetch = answering(201, {});

    await post("/api/things/", {}, { fetch, document: page({ token: "in the page" }) });

    assert.equal(fetch.calls[0].headers["X-CSRFToken"], "in the page");
  });

  it("names the account that its page was rendered for, if it has one", async () => {
    const fetch = answering(200, {});

    await get("/api/things/", { fetch, document: page({ account: "k2b" }) });
    await get("/api/things/", { fetch, document: page() });

    assert.equal(fetch.calls[0].headers["X-Account"], "k2b");
    assert.ok(!("X-Account" in fetch.calls[1].headers));
  });

  it("carries a key that makes a repetition harmless", async () => {
    const fetch = answering(201, {});

    await post("/api/things/", {}, { fetch, key: "abc", document: page() });

    assert.equal(fetch.calls[0].headers["Idempotency-Key"], "abc");
  });

  it("fails in the words of the API", async () => {
    const fetch = answering(409, {
      type: "client_error",
      errors: [{ code: "answer_in_progress", detail: "An answer is being written.", attr: null }],
    });

    await assert.rejects(post("/api/things/", {}, { fetch, document: page() }), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.status, error.code, error.message], [409, "answer_in_progress", "An answer is being written."]);
      return true;
    });
  });

  it("fails in words when something else answers for the API", async () => {
    const fetch = async () => new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "Retry-After": "7" } });

    await assert.rejects(get("/api/things/", { fetch, document: page() }), { code: "unreadable", status: 502, retryAfter: 7 });
  });

  it("fails in words without a connection", async () => {
    const fetch = async () => {
      throw new TypeError("Failed to fetch");
    };

    await assert.rejects(get("/api/things/", { fetch, document: page() }), { code: "offline", status: 0 });
  });

  it("answers nothing where there is nothing", async () => {
    assert.equal(await post("/api/things/", {}, { fetch: answering(204), document: page() }), null);
  });
});

describe("A key", () => {
  it("is never the same", () => {
    assert.notEqual(newKey(), newKey());
    assert.match(newKey(), /^[0-9a-f]{32}$/);
  });
});

function answering(status, body) {
  const fetch = async (url, options) => {
    fetch.calls.push({ url, ...options });
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  };
  fetch.calls = [];
  return fetch;
}

function page({ cookie = "", token = null, account = undefined } = {}) {
  return { documentElement: { dataset: { account } }, cookie, querySelector: () => (token === null ? null : { value: token }) };
}
