// A client for our REST API: JSON both ways, with the CSRF token.

import { accountHeader } from "./account.js";

const OFFLINE = "No connection. Nothing was sent; try again when you are back online.";
const UNREADABLE = "The server could not answer just now. Please try again.";

// An error response, with the texts of the API.
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

// A repeated request with the same `key` (newKey()) has no further effect and gets the first one's response.
export function post(url, body, options) {
  return request("POST", url, { body, ...options });
}

export function patch(url, body, options) {
  return request("PATCH", url, { body, ...options });
}

export function remove(url, options) {
  return request("DELETE", url, options);
}

// crypto.randomUUID() is missing where a page is served over plain HTTP to another machine.
export function newKey(random = globalThis.crypto) {
  return Array.from(random.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// `keepalive`: the request is sent also while the page is being left.
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
    // Not from our API: a proxy's page, or an incomplete response.
    return new ApiError(UNREADABLE, { code: "unreadable", status, retryAfter });
  }
}

// The cookie is fresher than the page: signing in from another tab changes it.
function csrfToken(document) {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie ? cookie[1] : (document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "");
}
