// How long ago something was, and how many of them there are: the same words as templatetags/forum.py has.

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LANGUAGE = "en-GB";

export function age(moment, now = new Date()) {
  const ago = now - moment;
  if (ago < MINUTE) return "just now";
  if (ago < HOUR) return `${Math.floor(ago / MINUTE)} min ago`;
  if (ago < DAY) return `${Math.floor(ago / HOUR)} h ago`;
  if (ago < 7 * DAY) return `${Math.floor(ago / DAY)} d ago`;
  const month = moment.toLocaleDateString(LANGUAGE, { month: "short" }).slice(0, 3);
  const year = moment.getFullYear() === now.getFullYear() ? "" : ` ${moment.getFullYear()}`;
  return `${moment.getDate()} ${month}${year}`;
}

export function plural(number, one, many = `${one}s`) {
  return number === 1 ? one : many;
}

export function keepAges() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-age]")) showAge(time);
  }, MINUTE);
}

export function showAge(time) {
  time.textContent = age(new Date(time.dateTime));
}
