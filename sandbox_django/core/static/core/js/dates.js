// Formats dates in the browser's time zone, with the same results as core/templatetags/dates.py.

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LANGUAGE = "en-GB";

// Returns a date such as "2026-11-24".
export function dayOf(moment) {
  const [year, month, day] = [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()];
  return `${year}-${twoDigits(month)}-${twoDigits(day)}`;
}

export function dayName(day, now = new Date()) {
  const moment = new Date(`${day}T12:00`);
  const ago = daysBetween(moment, now);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  const weekday = moment.toLocaleDateString(LANGUAGE, { weekday: "long" });
  const month = moment.toLocaleDateString(LANGUAGE, { month: "long" });
  const year = moment.getFullYear() === now.getFullYear() ? "" : ` ${moment.getFullYear()}`;
  return `${weekday} ${moment.getDate()} ${month}${year}`;
}

export function hourOf(moment) {
  return `${twoDigits(moment.getHours())}:${twoDigits(moment.getMinutes())}`;
}

// Returns the time for today, the weekday for the last seven days, or the date.
export function listTime(moment, now = new Date()) {
  const ago = daysBetween(moment, now);
  if (ago === 0) return hourOf(moment);
  if (ago > 0 && ago < 7) return moment.toLocaleDateString(LANGUAGE, { weekday: "short" });
  return `${moment.getDate()} ${moment.toLocaleDateString(LANGUAGE, { month: "short" })}`;
}

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

export function refreshAges() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-age]")) showAge(time);
  }, MINUTE);
}

export function showAge(time) {
  time.textContent = age(new Date(time.dateTime));
}

function daysBetween(earlier, later) {
  return Math.round((Date.parse(`${dayOf(later)}T12:00Z`) - Date.parse(`${dayOf(earlier)}T12:00Z`)) / DAY);
}

function twoDigits(number) {
  return String(number).padStart(2, "0");
}
