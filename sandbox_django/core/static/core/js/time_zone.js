// Stores the time zone in which the server renders times, from the next page on.

const YEAR = 365 * 24 * 60 * 60;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const cookie = `time_zone=${zone}`;

if (zone && !document.cookie.split("; ").includes(cookie)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${cookie}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
}
