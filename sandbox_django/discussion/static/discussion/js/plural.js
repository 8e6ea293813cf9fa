// Returns the singular or plural of a noun for this number.

export function plural(number, one, many = `${one}s`) {
  return number === 1 ? one : many;
}
