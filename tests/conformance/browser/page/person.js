// Whoever sits at this page: a mouth in place of a microphone, and a tape of what they hear.
const context = new AudioContext();
const mouth = context.createMediaStreamDestination();
// A microphone gives sound also when nobody speaks; a destination that nothing feeds gives none.
const room = new ConstantSourceNode(context, { offset: 1e-5 });
room.connect(mouth);
room.start();
// The page's microphone is what `say` plays; what a client does to its stream hurts no other.
navigator.mediaDevices.getUserMedia = async () => mouth.stream.clone();

/** What clients told, in order. @type {{ type: string, data?: unknown }[]} */
export const events = [];

export const microphone = () => mouth.stream.clone();
export const resume = () => context.resume();

async function recording(name) {
  const sound = await fetch(`/${name}.wav`);
  return context.decodeAudioData(await sound.arrayBuffer());
}

/** A recording as PCM of 16 bits. @returns {Promise<Int16Array>} */
export async function samples(name, rate) {
  const from = await recording(name);
  const resampling = new OfflineAudioContext(1, Math.ceil(from.duration * rate), rate);
  const source = new AudioBufferSourceNode(resampling, { buffer: from });
  source.connect(resampling.destination);
  source.start();
  const to = (await resampling.startRendering()).getChannelData(0);
  return Int16Array.from(to, (one) => 32767 * Math.max(-1, Math.min(1, one)));
}

/** Speak a recording; told when it was begun. */
export async function say(name) {
  const source = context.createBufferSource();
  source.buffer = await recording(name);
  source.connect(mouth);
  source.start();
}

let heard = null;
let recorder = null;
const parts = [];

/** Listen to a voice, and keep it. */
export function listen(stream) {
  if (heard) return;
  document.querySelector('audio').srcObject = heard = stream;
  record();
}

function record() {
  const chunks = [];
  recorder = new MediaRecorder(heard, { mimeType: 'audio/webm;codecs=opus' });
  recorder.ondataavailable = (part) => chunks.push(part.data);
  recorder.kept = new Promise((resolve) => { recorder.onstop = () => resolve(new Blob(chunks)); });
  recorder.start(500);
}

/** What was heard so far is one part; what comes is another. */
export function part() {
  parts.push(recorder.kept);
  if (recorder.state === 'recording') recorder.stop();
  if (heard.active) record();  // else the call is over
}

/**
 * The next part begins so long after something holds: found out here, in time, since whoever drives
 * the page also drives others and may come seconds late, when the next answer is already heard.
 */
export async function partAfter(holds, ms) {
  while (!holds()) await new Promise((resolve) => { setTimeout(resolve, 20); });
  setTimeout(part, ms);
}

/** How many parts are over. */
export const partsOver = () => parts.length;

/** All parts, as base64. */
export async function tape() {
  const read = async (blob) => {
    const bytes = new Uint8Array(await (await blob).arrayBuffer());
    let text = '';
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
  };
  return Promise.all(parts.map(read));
}
