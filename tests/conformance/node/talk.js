// OpenAI's packages in Node, as they are published: a person who talks to us over a WebSocket.
//
//     node talk.js CONFIGURATION     # {server, key, said: [paths], instructions, certificate, privateKey}
//
// Both clients hold the same conversation at the same time; what became of it is printed as JSON:
// {agents|plain: {history: [{id, role, status, text}], sounds: {item: [base64]}, toolCalls, errors, kinds}}.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { Talker, agents } from './talker.js';

const { server, key, said, instructions, certificate, privateKey } = JSON.parse(process.argv[2]);

const recordings = said.map((path) => {
  const file = readFileSync(path);
  return new Int16Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
});

/** openai's class always asks for TLS: what a proxy before the server would do. */
async function behindTls() {
  const { hostname, port } = new URL(server);
  const front = createServer({ cert: readFileSync(certificate), key: readFileSync(privateKey) }, (socket) => {
    const back = connect(Number(port), hostname);
    for (const [one, other] of [[socket, back], [back, socket]]) one.pipe(other).on('error', () => one.destroy());
  });
  await new Promise((resolve) => { front.listen(0, '127.0.0.1', resolve); });
  return `https://127.0.0.1:${front.address().port}`;
}

/** openai's own class; its history is what it retrieves. */
async function plain() {
  const talker = new Talker(recordings);
  const client = new OpenAI({ apiKey: key, baseURL: `${await behindTls()}/v1` });
  const connection = new OpenAIRealtimeWS({ model: 'any' }, client);
  connection.on('event', (event) => talker.take(event));
  connection.on('error', (error) => talker.errors.push(String(error)));
  await talker.until('session', (one) => one.type === 'session.created');
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const weather = { type: 'function', name: 'get_weather', description: 'Tells the weather in a city now.', parameters };
  const input = { turn_detection: { type: 'semantic_vad', eagerness: 'high' }, transcription: { model: 'any' } };
  connection.send({ type: 'session.update', session: { type: 'realtime', instructions, tools: [weather], audio: { input } } });
  connection.on('response.function_call_arguments.done', (call) => {
    talker.toolCalls.push(JSON.parse(call.arguments).city);
    const item = { type: 'function_call_output', call_id: call.call_id, output: 'It is sunny and warm.' };
    connection.send({ type: 'conversation.item.create', item });
    connection.send({ type: 'response.create' });
  });
  talker.speakTo((piece) => {
    const audio = Buffer.from(piece.buffer).toString('base64');
    connection.send({ type: 'input_audio_buffer.append', audio });
  });
  await talker.talk((text) => {
    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
    connection.send({ type: 'conversation.item.create', item });
    connection.send({ type: 'response.create' });
  });
  const history = [];
  for (const { item } of talker.events.filter((one) => one.type === 'conversation.item.added' && one.item.type === 'message')) {
    connection.send({ type: 'conversation.item.retrieve', item_id: item.id });
    const found = (one) => one.type === 'conversation.item.retrieved' && one.item.id === item.id;
    history.push((await talker.until('item', found)).item);
  }
  connection.close();
  return talker.outcome(history);
}

const [first, second] = await Promise.all([agents({ server, key, instructions, recordings }), plain()]);
// All of it, before the sockets that are left are dropped.
process.stdout.write(JSON.stringify({ agents: first, plain: second }), () => process.exit(0));
