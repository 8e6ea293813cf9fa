// The window's title: the number of unread items, then the name of what the page shows, then the site.

let prefix = "";

export function showUnreadInTitle(count) {
  const title = document.title.slice(prefix.length);
  prefix = count > 0 ? `(${count}) ` : "";
  document.title = prefix + title;
}

// Replaces the old name `before` of the shown object by `after`.
export function renameInTitle(before, after) {
  document.title = prefix + after + document.title.slice(prefix.length + before.length);
}

// Returns the text of a badge with a count.
export function badgeOf(count) {
  return count > 99 ? "99+" : String(count);
}
