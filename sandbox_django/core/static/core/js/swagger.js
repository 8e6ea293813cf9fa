// Draws the API to try it out.
const place = document.querySelector("#swagger");

function withCsrfToken(request) {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  if (token && request.method !== "GET") request.headers["X-CSRFToken"] = token[1];
  return request;
}

window.SwaggerUIBundle({
  url: place.dataset.schemaUrl,
  domNode: place,
  deepLinking: true,
  requestInterceptor: withCsrfToken,
});
