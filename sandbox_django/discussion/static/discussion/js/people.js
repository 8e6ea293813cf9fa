// Somebody in two letters, as templatetags/people.py draws them.

const HUES = 8;

export function drawAvatar(place, { id = 0, displayName = "" } = {}) {
  const words = displayName.split(/\s+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  place.textContent = ends.map((word) => Array.from(word)[0]).join("").toUpperCase();
  place.className = `avatar avatar--${id % HUES}`;
}
