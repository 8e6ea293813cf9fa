// A client for the REST API, which sends and receives JSON, and sends the CSRF token.

import { accountHeader } from "./account.js";

const OFFLINE = "No connection. Nothing was sent; try again when you are back online.";
const UNREADABLE = "The server could not answer just now. Please try again.";

// An error response, with the API's text for the user.
export class ApiError extends Error {
  constructor(detail, { code, status, attr = null, retryAfter = null }) {
    super(detail);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.attr = attr;
    this.retryAfter = retryAfter;
  }
}

export function get(url, options) {
  return request("GET", url, options);
}

// If a request is repeated with the same `key` (from newKey()), the server runs it only once, and returns the object.
export function post(url, body, options) {
  return request("POST", url, { body, ...options });
}

export function patch(url, body, options) {
  return request("PATCH", url, { body, ...options });
}

export function remove(url, options) {
  return request("DELETE", url, options);
}

// Returns a new idempotency key. Over plain HTTP to another machine, browsers have no crypto.randomUUID().
export function newKey(random = globalThis.crypto) {
  return Array.from(random.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// With `keepalive`, the request is also completed if the user leaves the page.
async function request(method, url, { body, key, keepalive = false, fetch = globalThis.fetch, document = globalThis.document } = {}) {
  const headers = { Accept: "application/json", ...accountHeader(document) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken(document);
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(url, { method, headers, keepalive, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(OFFLINE, { code: "offline", status: 0 });
  }
  if (!response.ok) throw await failure(response);
  return response.status === 204 ? null : response.json();
}

async function failure(response) {
  const status = response.status;
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  try {
    const { errors } = await response.json();
    const { code, detail, attr } = errors[0];
    return new ApiError(detail, { code, status, attr, retryAfter });
  } catch {
    // The response isn't from the API, but a proxy's page, or it is incomplete.
    return new ApiError(UNREADABLE, { code: "unreadable", status, retryAfter });
  }
}

// The cookie is preferred to the page's token, because signing in from another tab changes the cookie.
function csrfToken(document) {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie ? cookie[1] : (document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "");
}
