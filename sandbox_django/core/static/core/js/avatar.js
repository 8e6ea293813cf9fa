// An avatar: two letters on one of a few colours, as core/templatetags/avatars.py renders them.

const HUES = 8; // as many as avatar.css has

export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((word) => Array.from(word)[0]).join("").toUpperCase();
}

export function drawAvatar(element, { id, name }) {
  element.className = element.className.replace(/avatar--\d+/, `avatar--${(id ?? 0) % HUES}`);
  element.textContent = initials(name ?? "");
}
