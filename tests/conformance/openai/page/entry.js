// A page of somebody else's that talks to us through OpenAI's packages, as they are published.
import { OpenAIRealtimeWebRTC, OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { TranscriptGrouper } from 'openai/helpers/live';
import { OpenAILiveWebRTC } from 'openai/live/webrtc';
import { OpenAIRealtimeWebRTC as PlainWebRTC } from 'openai/realtime/webrtc';
import { z } from 'zod';

const server = new URLSearchParams(location.search).get('server');
const context = new AudioContext();
const mouth = context.createMediaStreamDestination();
const events = [];
// A microphone gives sound also when nobody speaks; a destination that nothing feeds gives none.
const room = new ConstantSourceNode(context, { offset: 1e-5 });
room.connect(mouth);
room.start();

async function recording(name) {
  const sound = await fetch(`/${name}.wav`);
  return context.decodeAudioData(await sound.arrayBuffer());
}

/** Speak a recording; resolves when it was spoken. */
async function say(name) {
  const source = context.createBufferSource();
  source.buffer = await recording(name);
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

const weather = tool({
  name: 'get_weather',
  description: 'Tells the weather of a city.',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => { page.toolCalls.push(city); return 'It is sunny and warm.'; },
});

/** @openai/agents-realtime over WebRTC. */
async function agent(secret, instructions, withTool) {
  const audioElement = document.querySelector('audio');
  const transport = new OpenAIRealtimeWebRTC({
    baseUrl: `${server}/v1/realtime/calls`, mediaStream: mouth.stream, audioElement,
  });
  const session = new RealtimeSession(
    new RealtimeAgent({ name: 'Teller', instructions, tools: withTool ? [weather] : [] }),
    { transport, config: { audio: { input: { turnDetection: { type: 'semantic_vad', eagerness: 'high' } } } } },
  );
  transport.on('*', (event) => events.push(event));
  session.on('error', (error) => page.errors.push(JSON.stringify(error)));
  await session.connect({ apiKey: secret });
  page.session = session;
  page.stopRecording = record(audioElement.srcObject);
  return transport.callId;
}

/** @openai/agents-realtime over a WebSocket, which a browser opens with its key as a protocol. */
async function socket(secret, name) {
  const transport = new OpenAIRealtimeWebSocket({ url: `${server.replace('http', 'ws')}/v1/realtime`, useInsecureApiKey: true });
  const session = new RealtimeSession(new RealtimeAgent({ name: 'Teller' }), { transport });
  transport.on('*', (event) => events.push(event));
  session.on('error', (error) => page.errors.push(JSON.stringify(error)));
  session.on('audio', (event) => { page.soundBytes += event.data.byteLength; });
  await session.connect({ apiKey: secret });
  page.session = session;
  const sound = (await recording(name)).getChannelData(0);
  const step = context.sampleRate / 24000;
  const samples = Int16Array.from({ length: Math.floor(sound.length / step) + 24000 },
    (_, i) => 32767 * (sound[Math.floor(i * step)] ?? 0));
  session.sendAudio(samples.buffer);
}

/** openai's own class: an application does the signalling. */
async function plain(secret, instructions) {
  const connection = new PlainWebRTC();
  for (const track of mouth.stream.getTracks()) connection.peerConnection.addTrack(track, mouth.stream);
  connection.onEvent((event) => events.push(event));
  await connection.connect({
    exchangeSdp: async (offer, { signal }) => {
      const answer = await fetch(`${server}/v1/realtime/calls`, {
        method: 'POST', body: offer, signal,
        headers: { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/sdp' },
      });
      if (!answer.ok) {
        const { error } = await answer.json();
        throw new Error(`${answer.status} ${error.code}, again in ${answer.headers.get('Retry-After')} s: ${error.message}`);
      }
      return answer.text();
    },
  });
  connection.send({ type: 'session.update', session: { type: 'realtime', instructions } });
  page.connection = connection;
}

/** openai's class for Live, with the transcript as the package itself groups it. */
async function live(secret, instructions) {
  const connection = new OpenAILiveWebRTC();
  const audioElement = document.querySelector('audio');
  connection.peerConnection.addEventListener('track', ({ track, streams }) => {
    audioElement.srcObject = streams[0] ?? new MediaStream([track]);
    page.startRecording = () => { page.stopRecording = record(audioElement.srcObject); };
    page.startRecording();
  });
  for (const track of mouth.stream.getTracks()) connection.peerConnection.addTrack(track, mouth.stream);
  const grouper = new TranscriptGrouper();
  grouper.on('segment.updated', (segment) => {
    page.history = [...page.history.filter((one) => one.id !== segment.id), segment];
  });
  connection.onEvent((event) => { events.push(event); grouper.push(event); });
  await connection.connect({
    exchangeSdp: async (sdp, { signal }) => {
      const answer = await fetch(`${server}/v1/live/sessions`, {
        method: 'POST', signal,
        headers: { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ session: { model: 'any', instructions }, transport: { type: 'webrtc', sdp } }),
      });
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
      return (await answer.json()).transport.sdp;
    },
  });
  page.connection = connection;
}

const page = { events, say, agent, plain, socket, live, history: [], toolCalls: [], errors: [], soundBytes: 0, start: () => context.resume() };
window.page = page;
