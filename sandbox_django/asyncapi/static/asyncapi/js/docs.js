// The viewer draws in a shadow of its own, which our stylesheets don't reach, and has no rules for tables.
await customElements.whenDefined("asyncapi-viewer");
const viewer = document.querySelector("asyncapi-viewer");
const styles = await fetch(viewer.dataset.guideStyles);
const sheet = await new CSSStyleSheet().replace(await styles.text());
viewer.shadowRoot.adoptedStyleSheets.push(sheet);
