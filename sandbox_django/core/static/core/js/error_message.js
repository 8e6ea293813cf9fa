// The text that a user reads when the server has refused a request.

const DAY = 24 * 60 * 60 * 1000;

export function errorMessage(error, { now = new Date(), language = undefined } = {}) {
  if (error.status !== 429 || !error.retryAfter) return error.message;
  const then = new Date(now.getTime() + error.retryAfter * 1000);
  const isFar = then - now >= DAY || then.getDate() !== now.getDate();
  const when = then.toLocaleString(language, { hour: "2-digit", minute: "2-digit", ...(isFar && { weekday: "long" }) });
  return `You've reached the limit. You can send again ${isFar ? "on" : "at"} ${when}.`;
}
