// One stream of what happens, kept alive: used by the shared worker of a browser's
// tabs, or by a tab itself where there are no shared workers.

const SILENT_MS = 16000;
const AGAIN_MS = 3000;
const KEPT = 240;

// say({ kind: "open" | "lost" | "beat" | "resync" | "frame", id, told })
export function openStream(after, say) {
  const past = [];
  let source = null;
  let last = after;
  let floor = after;
  let open = false;
  let heardAt = Date.now();
  let again = null;

  function state(now) {
    if (open === now) return;
    open = now;
    say({ kind: now ? "open" : "lost" });
  }

  function start() {
    again = null;
    heardAt = Date.now();
    source = new EventSource("/live?after=" + last);
    source.addEventListener("open", () => state(true));
    source.addEventListener("error", broke);
    source.addEventListener("beat", heard);
    source.addEventListener("resync", () => {
      heard();
      past.length = 0;
      floor = Infinity;
      say({ kind: "resync" });
    });
    source.addEventListener("frame", (event) => {
      heard();
      last = Number(event.lastEventId);
      const frame = { kind: "frame", id: last, told: JSON.parse(event.data) };
      if (floor === Infinity) floor = last;
      past.push(frame);
      if (past.length > KEPT) floor = past.shift().id;
      say(frame);
    });
  }

  function heard() {
    heardAt = Date.now();
    state(true);
    say({ kind: "beat" });
  }

  function broke() {
    state(false);
    // A browser gives up after an answer such as 401 or 503: then we ask again.
    if (source.readyState === EventSource.CLOSED) restart();
  }

  function restart() {
    source.close();
    if (again === null) again = setTimeout(start, AGAIN_MS);
  }

  // A connection may die without a word: a cable, a sleeping laptop.
  const watch = setInterval(() => {
    if (again === null && Date.now() - heardAt > SILENT_MS) {
      state(false);
      restart();
    }
  }, 2000);

  start();
  return {
    get open() { return open; },
    // What came after *id*, or null if that is not known here.
    since(id) {
      return id >= floor ? past.filter((frame) => frame.id > id) : null;
    },
    close() {
      clearInterval(watch);
      clearTimeout(again);
      source.close();
    },
  };
}
