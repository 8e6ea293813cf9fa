// Asks the assistant and prints the answer as it is written, with a browser's own functions only. It needs Node 22 or
// newer; Node 20 and 21 have WebSocket only with a flag: node --experimental-websocket examples/follow.mjs
//
//   node examples/follow.mjs "Why is the sea salty?"          SANDBOX_URL is the site's address
//
// In a page of the site, which authenticates by cookies, `follow` works for a room too:
//
//   for await (const { action, payload } of follow("/ws/chat/7/", { since })) { … }
//
// A page of another origin that the operator has allowed has no cookies here, so it passes its access token as `token`.
//
// `since` is the `Feed-Seq` of the response with which the page fetched its content.

const LOST = 1006;
const SLOW = 4408; // the server closed it because this client did not read
const TOO_OFTEN = 4429;

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Yields the events of a channel after number `since`, each once and in order, across any number of reconnects.
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
      // After a resync, events continue from its number; the caller fetches the earlier state.
      since = frame.action === "resync" ? frame.payload.seq : (frame.seq ?? since);
    }
    await wait(100 * Math.min(2 ** attempt, 150) * (0.5 + Math.random()));
  }
}

// Yields the frames of one socket; the last is `{ code }`, the closing code.
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
  socket.addEventListener("error", () => receive({ code: LOST })); // Node gives no other reason if the connection never opened
  try {
    for (;;) {
      while (received.length) yield received.shift();
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    socket.close();
  }
}

// Yields the new text of an answer, and returns its status.
export async function* ask(site, question) {
  const conversations = `${site}/api/assistants/anonymous/`;
  const { id } = await post(conversations);
  const messages = `${conversations}${id}/messages/`;
  const asked = await post(messages, { content: question });

  let length = 0; // of the text yielded so far, in characters as the server counts them
  for await (const { action, payload } of follow(`${site.replace(/^http/, "ws")}/ws/assistants/${id}/`)) {
    if (action === "streaming") {
      // After a reconnect the answer is sent from its start.
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

// Sends a request until it succeeds. The key makes the server execute it only once.
async function post(url, data = {}) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  for (let attempt = 0; attempt < 8; attempt += 1) {
    try {
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(data) });
      if (response.ok) return response.json();
      if (response.status < 500 && response.status !== 429) throw new Error(`${response.status} ${await response.text()}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch raises TypeError if there is no connection
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
