// Counts what a page makes, before any script of its own runs. See leaks.py.
window.watched = {
  made: { peers: 0, tracks: 0, contexts: 0, timers: 0, listeners: 0 },
  peers: [],
  tracks: [],
  timers: new Set(),
  listeners: new Set(),
};
{
  const w = window.watched;
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends Peer {
    constructor(...rest) { super(...rest); w.made.peers += 1; w.peers.push(new WeakRef(this)); }
  };
  const Context = window.AudioContext;
  window.AudioContext = class AudioContext extends Context {
    constructor(...rest) { super(...rest); w.made.contexts += 1; }
  };
  const media = navigator.mediaDevices;
  const open = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    for (const track of stream.getTracks()) { w.made.tracks += 1; w.tracks.push(new WeakRef(track)); }
    return stream;
  };
  for (const [set, clear, once] of [['setTimeout', 'clearTimeout', true], ['setInterval', 'clearInterval', false]]) {
    const [start, stop] = [window[set], window[clear]];
    window[set] = (act, ms, ...rest) => {
      const id = start(() => { if (once) w.timers.delete(id); act(...rest); }, ms);
      w.made.timers += 1;
      w.timers.add(id);
      return id;
    };
    window[clear] = (id) => { w.timers.delete(id); stop(id); };
  }
  // Of what outlives an element: the window, the document, the devices.
  const [add, remove] = [EventTarget.prototype.addEventListener, EventTarget.prototype.removeEventListener];
  const lasting = (target) => target === window || target === document || target === navigator.mediaDevices || target === undefined;
  EventTarget.prototype.addEventListener = function (name, act, options) {
    if (lasting(this) && act) {
      const key = { name, act };
      w.made.listeners += 1;
      w.listeners.add(key);
      if (options?.signal) add.call(options.signal, 'abort', () => w.listeners.delete(key), { once: true });
    }
    return add.call(this, name, act, options);
  };
  EventTarget.prototype.removeEventListener = function (name, act, options) {
    for (const key of w.listeners) if (lasting(this) && key.name === name && key.act === act) w.listeners.delete(key);
    return remove.call(this, name, act, options);
  };
}
