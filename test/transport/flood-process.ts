import { connect } from "node:net";

/**
 * An attacker that knows no secret: keeps `count` connections to a port open, each of which sends `text` and nothing
 * more, and opens each again at once when it is closed. Says "ready" once it has opened three times as many.
 */
const [port, count, text = ""] = process.argv.slice(2);
let opened = 0;

function open(): void {
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("connect", () => {
    opened += 1;
    if (opened === 3 * Number(count)) process.stdout.write("ready\n");
    if (text !== "") socket.write(Buffer.from(text, "base64"));
  });
  socket.on("error", () => {});
  socket.on("data", () => {});
  socket.on("close", () => setImmediate(open));
}

for (let at = 0; at < Number(count); at++) open();
