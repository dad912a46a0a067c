/**
 * Counterpoint in any page: speak with a server and steer what it says.
 *
 *     import { connect } from 'https://talk.example/static/dist/counterpoint.min.js';
 *
 *     const conversation = await connect({ settings: { instructions: 'Be brief.' } });
 *     conversation.on('person.words', ({ words }) => console.log(words.map((word) => word.text).join(' ')));
 *     conversation.say('Good morning.');
 *     conversation.end();
 *
 * What there is, with its types: `counterpoint.d.ts`. All of the protocol, and what the engine does not
 * obey yet: docs/dialect.md.
 *
 * @module counterpoint
 */

export { Conversation, ConversationError, HOME, connect, here } from './conversation.js';
