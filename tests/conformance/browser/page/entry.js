// A page of somebody else's that talks to us through others' packages, as they are published.
import { agent, fellSilent, live, plain, socket } from './openai.js';
import { events, part, partAfter, partsOver, resume, say, tape } from './person.js';
import { element, history as pipecatHistory, pipecat, whip } from './pipecat.js';

const clients = { agent, live, plain, socket, pipecat, whip, element };

/** Begin with one of the clients; `begun` is what it gives once it has. */
function begin(what, given) {
  clients[what](...given).then(
    (value) => { page.begun = value ?? true; },
    (error) => page.errors.push(`${error} ${error.cause ?? ''}`),
  );
}

const page = {
  ...clients, begin, begun: null, fellSilent, pipecatHistory, events, say, part, partAfter, partsOver, tape,
  start: resume,
  count: (kind) => events.filter((one) => one.type === kind).length,
  kinds: () => events.map((one) => one.type).slice(-60),
  history: [], toolCalls: [], errors: [], outcome: null,
};
window.page = page;
