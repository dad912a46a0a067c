// pipecat's packages and WHIP's, in the very lines of our documents (`documents.js` is made from
// them), and our own element, by the one script tag that a site needs.
import { RTVIEvent } from '@pipecat-ai/client-js';
import { WavMediaManager } from '@pipecat-ai/small-webrtc-transport';
import { connectPipecat, publishAndListen } from './documents.js';
import { events, listen, microphone } from './person.js';

const server = new URLSearchParams(location.search).get('server');
const WATCHED = ['BotReady', 'UserStartedSpeaking', 'UserStoppedSpeaking', 'UserTranscript', 'BotStartedSpeaking',
  'BotStoppedSpeaking', 'BotOutput', 'BotTtsText', 'LLMFunctionCallInProgress', 'LLMFunctionCallStopped',
  'ServerMessage', 'Metrics', 'MessageError', 'Error', 'BotDisconnected', 'Disconnected'];
/** Play a track and keep what is heard. */
function play(track, who) {
  if (!who?.local && track.kind === 'audio') listen(new MediaStream([track]));
}

/** The history a client keeps: what was spoken of each segment, in order. */
const segments = new Map();
function show(segment, progress) {
  segments.set(segment, progress?.accumulated_text ?? '');
}
export const history = () => [...segments.values()].filter((text) => text);

/** @pipecat-ai/client-js over the small WebRTC transport. */
export async function pipecat(key, instructions) {
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
export async function whip(key) {
  const answers = [];
  const plain = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await plain(...asked);
    if (asked[1]?.method) answers.push({ method: asked[1].method, status: answer.status, headers: Object.fromEntries(answer.headers) });
    return answer;
  };
  Object.assign(page, await publishAndListen({ server, key, microphone: microphone(), play }));
  page.answers = answers;
}

/** `<counterpoint-call>`. */
export async function element(secret, instructions) {
  await import(`${server}/static/dist/counterpoint-call.min.js`);
  const made = document.createElement('counterpoint-call');
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  Object.assign(made, {
    secret,
    settings: { instructions, eagerness: 0.8 },
    tools: [{
      name: 'get_weather', description: 'Tells the weather in a city now.', parameters,
      run: ({ city }) => { page.toolCalls.push(city); return 'It is sunny and warm.'; },
    }],
  });
  made.addEventListener('counterpoint-event', ({ detail }) => events.push(detail.event ?? detail));
  made.addEventListener('counterpoint-problem', ({ detail }) => { if (detail.problem) page.errors.push(detail.problem.code); });
  document.body.append(made);
  void made.start();  // it resolves when the call is over
  made.conversation.on('voice', ({ stream }) => { if (stream) listen(stream); });
  page.made = made;
}
