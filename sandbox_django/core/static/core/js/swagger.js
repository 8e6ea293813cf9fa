// Renders the interactive API documentation with Swagger.
const place = document.querySelector("#swagger");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function followTheScheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches); // the name that its style sheet uses
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
