// Ask the assistant, and read along; with nothing but what a browser has. It takes Node 22 or newer; Node 20 and 21 have
// a WebSocket only with a flag: node --experimental-websocket examples/follow.mjs
//
//   node examples/follow.mjs "Why is the sea salty?"          SANDBOX_URL is the site's address
//
// In a page of the site, which is known by its cookies, `follow` follows a room just as well:
//
//   for await (const { action, payload } of follow("/ws/chat/7/", { since })) { … }
//
// A page of another origin, which the operator has allowed, has no cookies here: it passes its access token as `token`.
//
// `since` is the `Feed-Seq` of the answer by which the page fetched what it shows.

const LOST = 1006;
const SLOW = 4408; // closed because we did not read
const TOO_OFTEN = 4429;

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Whatever a channel says after event number `since`: each event once, in order, however often we were away.
export async function* follow(url, { since = 0, token = null } = {}) {
  for (let attempt = 0; ; attempt += 1) {
    for await (const frame of listen(`${url}?since=${since}`, token)) {
      if (frame.code !== undefined) {
        const isFinal = frame.code >= 4400 && frame.code < 4500 && frame.code !== SLOW && frame.code !== TOO_OFTEN;
        if (isFinal) throw new Error(`The socket was closed with ${frame.code}.`);
        if (frame.code === TOO_OFTEN) await wait(30_000);
        break;
      }
      if (frame.action === "authentication" && frame.payload.statusCode === 200) attempt = 0;
      yield frame;
      // A resync says from where on it can tell again; whoever follows fetches what was before.
      since = frame.action === "resync" ? frame.payload.seq : (frame.seq ?? since);
    }
    await wait(100 * Math.min(2 ** attempt, 150) * (0.5 + Math.random()));
  }
}

// The frames of one socket; the last is `{ code }`, with which it was closed.
async function* listen(url, token) {
  const socket = new WebSocket(url, token ? ["bearer", token] : []);
  const received = [];
  let wake;
  const receive = (frame) => {
    received.push(frame);
    wake?.();
  };
  socket.addEventListener("message", ({ data }) => receive(JSON.parse(data)));
  socket.addEventListener("close", ({ code }) => receive({ code }));
  socket.addEventListener("error", () => receive({ code: LOST })); // where it never opened, Node says no more than this
  try {
    for (;;) {
      while (received.length) yield received.shift();
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    socket.close();
  }
}

// What an answer gains, piece by piece; it returns how the answer ended.
export async function* ask(site, question) {
  const conversations = `${site}/api/assistants/anonymous/`;
  const { id } = await post(conversations);
  const messages = `${conversations}${id}/messages/`;
  const asked = await post(messages, { content: question });

  let length = 0; // of what was yielded, in characters as the server counts them
  for await (const { action, payload } of follow(`${site.replace(/^http/, "ws")}/ws/assistants/${id}/`)) {
    if (action === "streaming") {
      // A socket that came back hears the answer from its start.
      const added = Array.from(payload.content).slice(length - payload.offset);
      length += added.length;
      yield added.join("");
    } else if (action === "complete_streaming") {
      return payload.status;
    } else if (action === "assistant_error") {
      return "failed";
    } else if (action === "resync") {
      const { results } = await (await fetch(messages)).json();
      const answer = results.find(({ questionId }) => questionId === asked.id);
      yield Array.from(answer.content).slice(length).join("");
      length = Math.max(length, Array.from(answer.content).length);
      if (answer.status !== "streaming") return answer.status;
    }
  }
}

// Sent until it is answered; what is sent again with the same key happens once.
async function post(url, data = {}) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  for (let attempt = 0; attempt < 8; attempt += 1) {
    try {
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(data) });
      if (response.ok) return response.json();
      if (response.status < 500 && response.status !== 429) throw new Error(`${response.status} ${await response.text()}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch says so when there is no connection
    }
    await wait(100 * 2 ** attempt);
  }
  throw new Error("The site doesn't answer.");
}

const isProgram = globalThis.process?.argv[1] === import.meta.filename;
if (isProgram && !globalThis.WebSocket) {
  console.error(`Node ${process.version} has no WebSocket. Use Node 22 or newer, or: node --experimental-websocket follow.mjs`);
  process.exitCode = 2;
} else if (isProgram) {
  const answer = ask(process.env.SANDBOX_URL ?? "http://127.0.0.1:8000", process.argv[2] ?? "What are you?");
  try {
    let step;
    while (!(step = await answer.next()).done) process.stdout.write(step.value);
    process.stdout.write("\n");
    process.exitCode = step.value === "complete" ? 0 : 1;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
