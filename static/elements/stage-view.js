/**
 * What lies over the page's timeline: what both sides do just now, and the welcome.
 *
 * @module elements/stage-view
 */

import { isActive } from '../view.js';
import { part, setText } from './dom.js';

/** @typedef {import('../view.js').View} View */

/** @type {Readonly<Record<string, string>>} */
const DOING = { speaking: 'speaking', pausing: 'pausing', acknowledging: 'listening along', elsewhere: 'talking to someone else' };

/**
 * @param {ParentNode} root
 * @returns {(view: View) => void}
 */
export function stageView(root) {
  const person = part(root, 'person-state');
  const agent = part(root, 'agent-state');
  const welcome = part(root, 'welcome');
  return (view) => {
    setText(person, view.muted ? 'muted' : (DOING[view.personState] ?? ''));
    const speaking = view.captions.some((caption) => caption.who === 'agent' && caption.status === 'playing');
    setText(agent, speaking ? 'speaking' : view.floor === 'take' && view.phase === 'live' ? 'about to speak' : '');
    welcome.hidden = isActive(view.phase) || view.captions.length > 0 || view.speaking.length > 0;
  };
}
