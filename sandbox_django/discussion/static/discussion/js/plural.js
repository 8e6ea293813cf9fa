// One or many.

export function plural(number, one, many = `${one}s`) {
  return number === 1 ? one : many;
}
