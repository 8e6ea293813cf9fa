// How a person is drawn where there is room for two letters only, as core/templatetags/people.py does.

const HUES = 8; // as many as avatar.css knows

export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((word) => Array.from(word)[0]).join("").toUpperCase();
}

export function drawAvatar(avatar, { userId, name }) {
  avatar.className = avatar.className.replace(/avatar--\d+/, `avatar--${(userId ?? 0) % HUES}`);
  avatar.textContent = initials(name);
}
