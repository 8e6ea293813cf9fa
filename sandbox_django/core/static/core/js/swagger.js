// Draws the API to try it out.
const place = document.querySelector("#swagger");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function followTheScheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches); // what its style sheet looks for
}

function asThisPage(request) {
  request.headers["X-Account"] = document.documentElement.dataset.account;
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  if (token && request.method !== "GET") request.headers["X-CSRFToken"] = token[1];
  return request;
}

window.SwaggerUIBundle({
  url: place.dataset.schemaUrl,
  domNode: place,
  deepLinking: true,
  requestInterceptor: asThisPage,
  onComplete: () => place.querySelector("#servers")?.setAttribute("aria-label", "Server"),
});

followTheScheme();
dark.addEventListener("change", followTheScheme);
