// Draws the API to read.
const place = document.querySelector("#redoc");

window.Redoc.init(place.dataset.schemaUrl, { hideDownloadButton: true }, place);
