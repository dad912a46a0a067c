// OpenAI's packages.
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { TranscriptGrouper } from 'openai/helpers/live';
import { OpenAILiveWebRTC } from 'openai/live/webrtc';
import { OpenAIRealtimeWebRTC as PlainWebRTC } from 'openai/realtime/webrtc';
import { z } from 'zod';
import { events, listen, microphone, samples } from './person.js';
import { agents } from './talker.js';

const server = new URLSearchParams(location.search).get('server');

const weather = tool({
  name: 'get_weather',
  description: 'Tells the weather in a city now.',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => { page.toolCalls.push(city); return 'It is sunny and warm.'; },
});

/** @openai/agents-realtime over WebRTC. */
export async function agent(secret, instructions) {
  const audioElement = document.querySelector('audio');
  const transport = new OpenAIRealtimeWebRTC({
    baseUrl: `${server}/v1/realtime/calls`, mediaStream: microphone(), audioElement,
  });
  const session = new RealtimeSession(
    new RealtimeAgent({ name: 'Teller', instructions, tools: [weather] }),
    { transport, config: { audio: { input: { turnDetection: { type: 'semantic_vad', eagerness: 'high' } } } } },
  );
  transport.on('*', (event) => events.push(event));
  session.on('error', (error) => page.errors.push(JSON.stringify(error)));
  await session.connect({ apiKey: secret });
  page.session = session;
  // Where the page is busy the SDK may be connected before its element has the voice.
  for (let waited = 0; !audioElement.srcObject && waited < 5_000; waited += 20) {
    await new Promise((over) => { setTimeout(over, 20); });
  }
  listen(audioElement.srcObject);
  return transport.callId;
}

/** @openai/agents-realtime over a WebSocket, which a browser opens with its key as a protocol. */
export async function socket(secret, instructions) {
  const recordings = await Promise.all(['0', '1'].map((name) => samples(name, 24000)));
  page.outcome = await agents({ server, key: secret, instructions, recordings });
}

/** openai's own class: an application does the signalling. */
export async function plain(secret, instructions) {
  const connection = new PlainWebRTC();
  connection.peerConnection.addEventListener('track', ({ track, streams }) => listen(streams[0] ?? new MediaStream([track])));
  const stream = microphone();
  for (const track of stream.getTracks()) connection.peerConnection.addTrack(track, stream);
  connection.onEvent((event) => { events.push(event); use(connection, event); });
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
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const tools = [{ type: 'function', name: 'get_weather', description: 'Tells the weather in a city now.', parameters }];
  const audio = { input: { transcription: { model: 'any' }, turn_detection: { type: 'semantic_vad', eagerness: 'high' } } };
  connection.send({ type: 'session.update', session: { type: 'realtime', instructions, tools, audio } });
  page.connection = connection;
}

/** What an application does that runs functions itself. */
function use(connection, event) {
  if (event.type !== 'response.function_call_arguments.done') return;
  page.toolCalls.push(JSON.parse(event.arguments).city);
  const item = { type: 'function_call_output', call_id: event.call_id, output: 'It is sunny and warm.' };
  connection.send({ type: 'conversation.item.create', item });
  connection.send({ type: 'response.create' });
}

/** openai's class for Live, with the transcript as the package itself groups it. */
export async function live(secret, instructions, done) {
  const connection = new OpenAILiveWebRTC();
  connection.peerConnection.addEventListener('track', ({ track, streams }) => listen(streams[0] ?? new MediaStream([track])));
  const stream = microphone();
  for (const track of stream.getTracks()) connection.peerConnection.addTrack(track, stream);
  const grouper = new TranscriptGrouper();
  grouper.on('segment.updated', (segment) => {
    page.history = [...page.history.filter((one) => one.id !== segment.id), segment];
  });
  connection.onEvent((event) => {
    events.push({ ...event, at: performance.now() });
    grouper.push(event);
    doErrand(connection, event, done);
  });
  await connection.connect({
    exchangeSdp: async (sdp, { signal }) => {
      const answer = await fetch(`${server}/v1/live/sessions`, {
        method: 'POST', signal,
        headers: { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ session: { model: 'any', instructions, delegation: { type: 'client' } }, transport: { type: 'webrtc', sdp } }),
      });
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
      return (await answer.json()).transport.sdp;
    },
  });
  page.connection = connection;
}

/** What an application does that is given work: it answers when it is done. */
function doErrand(connection, event, content) {
  if (event.type !== 'session.delegation.created') return;
  page.toolCalls.push(event.delegation.task);
  connection.send({ type: 'session.commentary.append', event_id: 'done', content, delegation_id: event.delegation.id });
}

/** Whether we spoke since the first event of a type, and then no more; Live has no event for that. */
export function fellSilent(since) {
  const words = events.slice(events.findIndex((one) => one.type === since || one.code === since)).filter((one) => one.type === 'session.output_transcript.delta');
  return words.length > 2 && performance.now() - words.at(-1).at > 1500;
}
