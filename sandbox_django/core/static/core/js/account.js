// The account that this page was rendered for. Every request carries it: another tab may have signed in as someone else.

export function accountHeader(document = globalThis.document) {
  const account = accountOf(document);
  return account ? { "X-Account": account } : {};
}

// Empty on a page about an error, which belongs to no account.
export function accountOf(document = globalThis.document) {
  return document?.documentElement?.dataset.account ?? "";
}
