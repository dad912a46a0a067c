/**
 * The words of `<counterpoint-call>` and of the parts it shares with the page. A site may replace
 * any of them, for all its elements (`CounterpointCall.strings`) or for one (`element.strings`).
 *
 * Besides these: `problem-queued` (“… number {place} in line …”), `problem-CODE` (static/problems.js) and `notice-CODE` or
 * `notice-CODE-DETAIL` (static/call-state.js: why a call ends, the engine's state, `listeners-person`), and `look-STATE` for
 * what is said of a picture; their words are English otherwise.
 *
 * @module elements/strings
 */

import { TOO_LONG } from '../protocol.js';

/** @typedef {{-readonly [Name in keyof typeof ENGLISH]: string}} Strings */

export const ENGLISH = Object.freeze({
  label: 'Voice conversation',
  start: 'Start',
  hangUp: 'Hang up',
  stop: 'Stop',
  stopTitle: 'Silence it now (Esc)',
  mute: 'Mute',
  level: 'Microphone level',
  devices: 'Devices',
  microphone: 'Microphone',
  loudspeaker: 'Loudspeaker',
  anyDevice: 'The browser’s choice',
  captions: 'Captions',
  sight: 'What it sees',
  camera: 'Camera',
  screen: 'Screen',
  showCamera: 'Show camera',
  showScreen: 'Show screen',
  ownCamera: 'Your camera’s picture',
  ownScreen: 'Your screen’s picture',
  seesNothing: 'It sees nothing.',
  looksAt: 'It is looking at: {what}.',
  drawBoxes: 'Draw what it sees',
  sightFailed: 'That could not be shown: {why}',
  empty: 'Press Start, allow the microphone, and talk. What you both say appears here.',
  finishedTurns: 'Finished turns',
  person: 'You',
  agent: 'Counterpoint',
  typed: 'typed',
  cutOff: 'cut off',
  cutOffNotHeard: 'cut off, not heard',
  'cut-floor': 'interrupted',
  'cut-stop': 'stopped',
  'cut-quiet': 'asked to be quiet',
  'cut-engine': 'cut off by a fault',
  'cut-client': 'cut off',
  'cut-lost': 'connection lost',
  type: 'Type instead of speaking',
  send: 'Send',
  notConnected: 'Not connected: press Start first.',
  notNow: 'Not connected just now. Send it again when the connection is back.',
  tooLong: TOO_LONG,
  tryNow: 'Try now',
  giveUp: 'Give up',
  tryingAgain: 'Trying again in {seconds} s',
  dismiss: 'Dismiss',
  blocked: 'The browser holds the sound back. Click anywhere, or press a key, to hear it.',
  deadMicrophone: 'Nothing at all comes from the microphone. Is it switched off, or is another one meant? See Devices.',
  loudspeakerFailed: 'That loudspeaker cannot be used; the browser’s choice is used instead.',
  muted: 'Connected, muted',
  'status-idle': 'Not connected',
  'status-asking': 'Waiting for the microphone',
  'status-connecting': 'Connecting',
  'status-live': 'Connected',
  'status-reconnecting': 'Connecting again',
  'status-waiting': 'Waiting',
  'status-ended': 'Ended',
  'status-failed': 'Not connected',
});
