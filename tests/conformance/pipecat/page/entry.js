// A page of somebody else's that talks to us through pipecat's packages and WHIP's, as they are
// published, in the very lines of our documents (`documents.js` is made from them).
import { RTVIEvent } from '@pipecat-ai/client-js';
import { WavMediaManager } from '@pipecat-ai/small-webrtc-transport';
import { connectPipecat, publishAndListen } from './documents.js';

const server = new URLSearchParams(location.search).get('server');
const context = new AudioContext();
const mouth = context.createMediaStreamDestination();
// A microphone gives sound also when nobody speaks; a destination that nothing feeds gives none.
const room = new ConstantSourceNode(context, { offset: 1e-5 });
room.connect(mouth);
room.start();
// The page's microphone is what `say` plays; what a client does to its stream hurts no other.
navigator.mediaDevices.getUserMedia = async () => mouth.stream.clone();

const WATCHED = ['BotReady', 'UserStartedSpeaking', 'UserStoppedSpeaking', 'UserTranscript', 'BotStartedSpeaking',
  'BotStoppedSpeaking', 'BotOutput', 'BotTtsText', 'LLMFunctionCallInProgress', 'LLMFunctionCallStopped',
  'ServerMessage', 'Metrics', 'MessageError', 'Error', 'BotDisconnected', 'Disconnected'];
const events = [];

/** Speak a recording; resolves when it was spoken. */
async function say(name) {
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(await (await fetch(`/${name}.wav`)).arrayBuffer());
  source.connect(mouth);
  const ended = new Promise((resolve) => { source.onended = resolve; });
  source.start();
  await ended;
}

function record(stream) {
  const recorder = new MediaRecorder(stream, { mimeType: 'audio/webm;codecs=opus' });
  const parts = [];
  recorder.ondataavailable = (part) => parts.push(part.data);
  recorder.start(500);
  return () => new Promise((resolve) => {
    recorder.onstop = async () => {
      const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
      let text = '';
      for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
      resolve(btoa(text));
    };
    recorder.stop();
  });
}

/** Play a track and keep what is heard. */
function play(track, who) {
  if (who?.local || track.kind !== 'audio' || page.stopRecording) return;
  const stream = new MediaStream([track]);
  document.querySelector('audio').srcObject = stream;
  page.stopRecording = record(stream);
}

/** The history a client keeps: what was spoken of each segment, in order. */
const segments = new Map();
function show(segment, progress) {
  segments.set(segment, progress?.accumulated_text ?? '');
}
const history = () => [...segments.values()].filter((text) => text).join(' ');

/** @pipecat-ai/client-js over the small WebRTC transport. */
async function pipecat(key, instructions) {
  const options = { mediaManager: new WavMediaManager() };
  const client = await connectPipecat({ server, key, options, instructions, show, play, watch });
  page.client = client;
}

function watch(client) {
  for (const name of WATCHED) client.on(RTVIEvent[name], (data) => events.push({ type: name, data }));
  client.registerFunctionCallHandler('get_weather', async ({ arguments: { city } }) => {
    page.toolCalls.push(city);
    return { weather: 'sunny and warm' };
  });
}

/** whip-whep: publish the microphone, and listen to the session that it begins. */
async function whip(key) {
  const answers = [];
  const plain = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await plain(...asked);
    if (asked[1]?.method) answers.push({ method: asked[1].method, status: answer.status, headers: Object.fromEntries(answer.headers) });
    return answer;
  };
  Object.assign(page, await publishAndListen({ server, key, microphone: mouth.stream.clone(), play }));
  page.answers = answers;
}

const page = { events, say, history, pipecat, whip, toolCalls: [], start: () => context.resume() };
window.page = page;
