// What the module declares is what it does, and nothing is left undeclared. Run by tsc alone.
import * as source from '../../static/conversation.js';
import * as declared from '../../static/counterpoint.js';

type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;

export const meant: typeof declared = source;
export const exported: Same<keyof typeof declared, keyof typeof source> = true;
export const members: Same<keyof declared.Conversation, keyof source.Conversation> = true;
export const events: Same<declared.ConversationEvents, source.ConversationEvents> = true;
export const options: Same<declared.ConversationOptions, source.ConversationOptions> = true;
