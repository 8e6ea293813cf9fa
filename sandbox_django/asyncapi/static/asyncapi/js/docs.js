// The viewer has no styles for tables. Adds ours to its shadow DOM, which stylesheets of the page don't reach.
await customElements.whenDefined("asyncapi-viewer");
const viewer = document.querySelector("asyncapi-viewer");
const styles = await fetch(viewer.dataset.guideStyles);
const sheet = await new CSSStyleSheet().replace(await styles.text());
viewer.shadowRoot.adoptedStyleSheets.push(sheet);
