// Parses the tags that a user types, and draws the tags of a topic.

export function tagsIn(text) {
  return text.split(/[\s,]+/).filter(Boolean);
}

export function drawTags(place, names, home) {
  place.replaceChildren(...names.map((name) => tagLink(name, home)));
}

function tagLink(name, home) {
  const link = document.createElement("a");
  link.className = "tag";
  link.dir = "auto";
  link.href = `${home}?${new URLSearchParams({ tag: name })}`;
  link.textContent = name;
  return link;
}
