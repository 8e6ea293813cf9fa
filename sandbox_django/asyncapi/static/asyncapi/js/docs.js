// The viewer uses a shadow DOM, which our stylesheets don't reach, and has no styles for tables.
await customElements.whenDefined("asyncapi-viewer");
const viewer = document.querySelector("asyncapi-viewer");
const styles = await fetch(viewer.dataset.guideStyles);
const sheet = await new CSSStyleSheet().replace(await styles.text());
viewer.shadowRoot.adoptedStyleSheets.push(sheet);
