// Renders the API reference with ReDoc.
const place = document.querySelector("#redoc");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

// These repeat the colours of colors.css, because ReDoc computes shades, which doesn't work with CSS variables.
const DAY = {
  page: "#fdfcfa",
  sunken: "#f2ede5",
  line: "#e4ddd1",
  text: "#1a212b",
  soft: "#454d59",
  act: "#00666e",
  ok: "#1d6b3a",
  warn: "#8a5300",
  bad: "#b3261e",
};
const NIGHT = {
  page: "#161a20",
  sunken: "#0f1217",
  line: "#343a43",
  text: "#f0ede7",
  soft: "#c0bbb2",
  act: "#5cc8d2",
  ok: "#7ccf94",
  warn: "#e8b36a",
  bad: "#f09a90",
};

// ReDoc's menu ends with a logo from a CDN. Both ways in which React sets its address are changed to ignore addresses
// of other hosts.
const image = HTMLImageElement.prototype;
const setSource = Object.getOwnPropertyDescriptor(image, "src").set;
const isOurs = (url) => new URL(url, document.baseURI).origin === window.location.origin;

Object.defineProperty(image, "src", {
  set(url) {
    if (isOurs(url)) setSource.call(this, url);
  },
});
image.setAttribute = function setAttribute(name, value) {
  if (name !== "src" || isOurs(value)) Element.prototype.setAttribute.call(this, name, value);
};

function theme({ page, sunken, line, text, soft, act, ok, warn, bad }) {
  const font = "system-ui, sans-serif";
  const code = "ui-monospace, monospace";
  return {
    colors: {
      primary: { main: act },
      success: { main: ok },
      warning: { main: warn, contrastText: page },
      error: { main: bad },
      text: { primary: text, secondary: soft },
      border: { dark: line, light: line },
      responses: {
        success: { color: ok, backgroundColor: sunken, tabTextColor: "#7ccf94" },
        error: { color: bad, backgroundColor: sunken, tabTextColor: "#f09a90" },
      },
    },
    schema: { linesColor: line, typeNameColor: soft, typeTitleColor: soft, requireLabelColor: bad, nestedBackground: sunken },
    typography: {
      fontFamily: font,
      headings: { fontFamily: font },
      code: { fontFamily: code, color: text, backgroundColor: sunken },
      links: { color: act, visited: act, hover: act },
    },
    sidebar: { backgroundColor: sunken, textColor: text },
    rightPanel: { backgroundColor: "#1d232b", textColor: "#f0ede7" },
    codeBlock: { backgroundColor: "#12161c" },
    fab: { backgroundColor: sunken, color: act },
  };
}

window.Redoc.init(
  place.dataset.schemaUrl,
  { hideDownloadButton: true, theme: theme(dark.matches ? NIGHT : DAY) },
  place,
);
dark.addEventListener("change", () => window.location.reload()); // ReDoc renders only once
