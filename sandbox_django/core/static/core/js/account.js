// The account that this page was rendered for. Every request contains it, since another tab may have changed the
// account.

export function accountHeader(document = globalThis.document) {
  const account = accountOf(document);
  return account ? { "X-Account": account } : {};
}

// Returns the page's account; empty on error pages, which belong to no account.
export function accountOf(document = globalThis.document) {
  return document?.documentElement?.dataset.account ?? "";
}
