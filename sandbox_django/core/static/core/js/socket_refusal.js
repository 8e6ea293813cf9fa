// Handles sockets that the server has refused, so that they don't reconnect.

const SIGNED_OUT = 4401;

// A user who is signed out goes to `login` and comes back; otherwise `refused(code)` is called.
export function onSocketRefused(live, { login, refused }) {
  live.addEventListener("state", ({ detail, code }) => {
    if (detail !== "refused") return;
    if (code === SIGNED_OUT) location.assign(`${login}?next=${location.pathname}`);
    else refused(code);
  });
}
