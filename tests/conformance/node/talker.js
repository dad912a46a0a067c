// A person who talks to us over a socket through OpenAI's packages: in Node, and in a page.
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

const PIECE = 24000 / 10;
const LONGEST_MS = 60_000;
const HEARD_SECONDS = 1.2;
const WEATHER = 'What is the weather in Rome?';

/** One person: a microphone that is always on, and all that they are told. */
export class Talker {
  events = [];
  sounds = new Map();
  toolCalls = [];
  errors = [];
  #recordings;
  #waiting = new Set();
  #queue = [];
  #timer = null;

  /** @param {Int16Array[]} recordings what they say, PCM of 16 bits at 24 kHz */
  constructor(recordings) {
    this.#recordings = recordings;
  }

  /** The microphone: `send` is given 100 ms at a time. */
  speakTo(send) {
    let due = performance.now();
    const tick = () => {
      send(this.#queue.shift() ?? new Int16Array(PIECE));
      due += 100;
      this.#timer = setTimeout(tick, Math.max(0, due - performance.now()));
    };
    tick();
  }

  #say(sound) {
    for (let at = 0; at < sound.length; at += PIECE) {
      const piece = new Int16Array(PIECE);
      piece.set(sound.subarray(at, at + PIECE));
      this.#queue.push(piece);
    }
  }

  take(event) {
    if (event.type === 'response.output_audio.delta') {
      const before = this.sounds.get(event.item_id) ?? [];
      this.sounds.set(event.item_id, [...before, event.delta]);
    } else this.events.push(event);
    for (const check of this.#waiting) check();
  }

  /** The first event from `since` on for which `holds`; rejects after a minute. */
  until(what, holds, since = 0) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`no ${what}; came: ${this.events.map((one) => one.type).slice(-40)}`));
      }, LONGEST_MS);
      const check = () => {
        const found = this.events.slice(since).find(holds);
        if (!found) return;
        clearTimeout(late);
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Wait until so much was heard of an answer that begins at event `since` or later. */
  async #hears(seconds, since) {
    const kind = 'response.output_item.added';
    const begun = (one) => one.type === kind && one.item.type === 'message' && one.item.role === 'assistant';
    const { item } = await this.until('answer', begun, since);
    const bytes = () => (this.sounds.get(item.id) ?? []).reduce((sum, one) => sum + one.length * 3 / 4, 0);
    await this.until('sound', () => bytes() >= 48000 * seconds);
  }

  /** Wait until an answer that begins at event `since` or later was heard to its end, or to where it may grow no longer. */
  #done(since) {
    const whole = (one) => one.type === 'response.done'
      && (one.response.status === 'completed' || one.response.status_details?.reason === 'max_output_tokens')
      && one.response.output.some((item) => item.type === 'message');
    return this.until('whole answer', whole, since);
  }

  /** The conversation: a turn whose answer is interrupted by the next, and a question for a tool. */
  async talk(ask) {
    this.#say(this.#recordings[0]);
    await this.#hears(HEARD_SECONDS, 0);
    const since = this.events.length;
    this.#say(this.#recordings[1]);
    await this.until('cut', (one) => one.type === 'conversation.item.truncated', since);
    await this.#done(since);
    const asked = this.events.length;
    ask(WEATHER);
    await this.until('tool call', () => this.toolCalls.length > 0);
    await this.#done(asked);
    clearTimeout(this.#timer);
  }

  /** What became of it, beside the history that the client keeps. */
  outcome(items) {
    const told = (item) => item.content?.map((one) => one.transcript ?? one.text ?? '').join('') ?? '';
    const history = items.map((item) => ({ id: item.id ?? item.itemId, role: item.role, status: item.status, text: told(item) }));
    const kinds = this.events.map((one) => one.type);
    const responses = this.events.filter((one) => one.type === 'response.done').map((one) => one.response);
    return { responses, history, sounds: Object.fromEntries(this.sounds), toolCalls: this.toolCalls, errors: this.errors, kinds };
  }
}

/** @openai/agents-realtime over a WebSocket; its history is what its session keeps. */
export async function agents({ server, key, instructions, recordings }) {
  const talker = new Talker(recordings);
  const weather = tool({
    name: 'get_weather',
    description: 'Tells the weather in a city now.',
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => { talker.toolCalls.push(city); return 'It is sunny and warm.'; },
  });
  const transport = new OpenAIRealtimeWebSocket({ url: `${server.replace('http', 'ws')}/v1/realtime` });
  const session = new RealtimeSession(
    new RealtimeAgent({ name: 'Teller', instructions, tools: [weather] }),
    { transport, config: { audio: { input: { turnDetection: { type: 'semantic_vad', eagerness: 'high' } } } } },
  );
  transport.on('*', (event) => talker.take(event));
  session.on('error', (error) => talker.errors.push(String(error.error?.message ?? JSON.stringify(error))));
  await session.connect({ apiKey: key });
  talker.speakTo((piece) => session.sendAudio(piece.buffer));
  await talker.talk((text) => session.sendMessage(text));
  const history = session.history.filter((one) => one.type === 'message');
  session.close();
  return talker.outcome(history);
}
