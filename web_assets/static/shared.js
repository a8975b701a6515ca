// The shared worker: one stream for all tabs of a browser.

import { openStream } from "./stream.js";

const ports = new Set();
let stream = null;

function toAll(message) {
  for (const port of ports) port.postMessage(message);
}

function hello(port, after) {
  ports.add(port);
  if (!stream) {
    stream = openStream(after, toAll);
    return;
  }
  port.postMessage({ kind: stream.open ? "open" : "lost" });
  const missed = stream.since(after);
  if (missed === null) port.postMessage({ kind: "resync" });
  else for (const frame of missed) port.postMessage(frame);
}

function bye(port) {
  ports.delete(port);
  if (ports.size || !stream) return;
  stream.close();
  stream = null;
}

self.onconnect = (event) => {
  const [port] = event.ports;
  port.onmessage = ({ data }) => (data.bye ? bye(port) : hello(port, data.after));
};
