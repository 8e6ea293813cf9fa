// Checks the length of a text, counted like on the server.

const number = new Intl.NumberFormat("en-GB");

// The error for a text that is too long, which isn't sent, because the server would refuse it.
export class TooLong extends Error {
  code = "max_length";
  status = 400;
}

export function refuseTooLong(text, limit) {
  const length = Array.from(text).length; // String.length counts an emoji twice
  if (length <= limit) return;
  throw new TooLong(`This message is too long (${number.format(length)} of ${number.format(limit)} characters).`);
}
