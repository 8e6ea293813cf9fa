// Returns a count with its noun in singular or plural.

export function plural(number, one, many = `${one}s`) {
  return number === 1 ? one : many;
}
