// The length of a text as the server counts it, and the error for one that is too long.

const number = new Intl.NumberFormat("en-GB");

// Raised before a text is sent that the server would refuse.
export class TooLong extends Error {
  code = "max_length";
  status = 400;
}

export function refuseTooLong(text, limit) {
  const length = Array.from(text).length; // String.length counts an emoji twice
  if (length <= limit) return;
  throw new TooLong(`This message is too long (${number.format(length)} of ${number.format(limit)} characters).`);
}
