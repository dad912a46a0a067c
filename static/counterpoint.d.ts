/**
 * Counterpoint in any page: speak with a server and steer what it says.
 *
 *     import { connect } from 'https://talk.example/static/dist/counterpoint.min.js';
 *
 *     const conversation = await connect({ settings: { instructions: 'Be brief.' } });
 *     conversation.on('person.words', ({ words }) => console.log(words.map((word) => word.text).join(' ')));
 *     conversation.say('Good morning.');
 *     conversation.end();
 */

import type { AgentSay, ClientEvent, MemoryAppend, ServerEvent, Settings } from './events.js';

export type * from './events.js';

/** The server this file came from. */
export const HOME: string;

/**
 * A conversation that is connected. A server that does not answer is tried for about a minute; before a
 * full one it waits in line for as long as it takes. `signal` gives up before, and hangs up.
 * @throws {ConversationError} it says what is wrong and what to do
 */
export function connect(options?: ConversationOptions & { deviceId?: string; signal?: AbortSignal }): Promise<Conversation>;

/** Why nobody can talk in this page (not served securely, no WebRTC), or null. */
export function here(): Problem | null;

export interface ConversationOptions {
  /** address of the server; the one this file came from unless told */
  server?: string;
  /** a short-lived secret (`ek_…`), or a function that gets one from your own server; never a key */
  secret?: Secret;
  /** a conversation begins with these; `greeting` is said then, and not again after a reconnection */
  settings?: Settings;
  /** functions of this page that the model may use */
  tools?: readonly PageTool[];
  iceServers?: RTCIceServer[];
  /** false if you play the `voice` yourself; or an audio element of your page that plays it */
  play?: boolean | HTMLAudioElement;
}

/** A short-lived secret, or what gives one; asked for each connection, since one may be too old for the next. */
export type Secret = string | (() => string | Promise<string>);

/** A function of the page that the model may use. */
export interface PageTool {
  /** letters, digits, `_` and `-`, at most 64 */
  name: string;
  /** when to use it and what it gives */
  description?: string;
  /** JSON Schema of an object */
  parameters?: Record<string, unknown>;
  /** 30 unless told; the model is told when it takes longer */
  timeoutSeconds?: number;
  /**
   * Gives text, anything JSON can say, or a promise of one; what it throws is told to the model.
   * The signal is aborted when the answer is no longer wanted.
   */
  run: (given: Record<string, any>, signal: AbortSignal) => unknown;
}

/**
 * idle: nothing yet · asking: the browser asks for the microphone · connecting · live ·
 * reconnecting: the connection was lost, a new one is being made · waiting: for the next attempt ·
 * ended: hung up by either side · failed: see the problem.
 */
export type Phase = 'idle' | 'asking' | 'connecting' | 'live' | 'reconnecting' | 'waiting' | 'ended' | 'failed';

/** What went wrong, in words a person can act on. */
export interface Problem {
  /**
   * Stable name. Of the server: `busy` `unauthorized` `forbidden-origin` `rate-limited` `not-ready` `shutting-down`
   * `server-error` `refused`; of the place: `insecure` `unsupported` `unreachable` `no-media` `secret-failed` `lost` `failed` `ended`;
   * of the microphone: `microphone-denied` `-absent` `-busy` `-gone` `-failed`.
   */
  code: string;
  /** one line: what happened */
  title: string;
  /** what to do, most likely first */
  advice: readonly string[];
  /** whether it is tried again by itself */
  retry: boolean;
  /** the wait the server asked for; 0 = ours to choose */
  retrySeconds: number;
  /** in the line before a full server (`busy`); 1 is let in next */
  place?: number;
  /** an estimate of how long that takes, where there is one */
  waitSeconds?: number;
}

/** The conversation could not be begun. */
export class ConversationError extends Error {
  constructor(problem: Problem);
  problem: Problem;
}

/** What the call itself tells. */
export interface CallEvents {
  phase: { phase: Phase; retrySeconds: number; reason: string };
  /** null when it is over */
  problem: { problem: Problem | null };
  /** every event of the server, whatever its type */
  event: { event: ServerEvent };
  /** the microphone in use, or null */
  microphone: { stream: MediaStream | null };
  /** the agent's voice, to be played unless `play` is on; or null */
  voice: { stream: MediaStream | null };
  /** whether the voice is muted because `stop()` was called */
  silenced: { silenced: boolean };
  /** what of the person can be seen, or null */
  shown: { source: 'camera' | 'screen'; stream: MediaStream | null };
}

/** What the person shows: each is off until `show`, and the server looks at nothing else. */
export interface Sight {
  /** Ask for it, and let the server look; in answer to a click, for a screen. @throws {DOMException} when it is not allowed or there is none */
  show(source: 'camera' | 'screen', deviceId?: string): Promise<void>;
  /** Show it no longer. */
  hide(source: 'camera' | 'screen'): void;
  /** What is shown now, or null. */
  stream(source: 'camera' | 'screen'): MediaStream | null;
}

/** Everything `on` can hear of: the call's own, `blocked`, and each of the server's events by its type. */
export type ConversationEvents = CallEvents & {
  [Type in ServerEvent['type']]: Extract<ServerEvent, { type: Type }>;
} & {
  /** the browser holds the sound back until somebody clicks or presses a key */
  blocked: { blocked: boolean };
};

/** One conversation: it connects, stays connected, is heard, and does what it is told. */
export class Conversation extends EventTarget {
  /** @throws {TypeError} for an address or a tool that cannot be used */
  constructor(options?: ConversationOptions);

  get phase(): Phase;
  get muted(): boolean;
  /** Whether there is a record that can be fetched or forgotten. */
  get hasRecord(): boolean;
  /** Camera and screen. */
  readonly sight: Sight;

  /** Hear of something; returns what ends the listening. */
  on<Name extends keyof ConversationEvents>(
    name: Name,
    listener: (detail: ConversationEvents[Name]) => void,
    options?: AddEventListenerOptions,
  ): () => void;

  /**
   * Begin, and wait until both sides can talk. Afterwards it stays connected by itself.
   * @throws {ConversationError}
   */
  connect(choice?: { deviceId?: string }): Promise<void>;
  /** Begin; resolves when the call is over. Nothing is thrown: hear of `phase` and `problem`. */
  start(choice?: { deviceId?: string }): Promise<void>;
  /** Hang up. The microphone is off when this returns. */
  end(): void;

  /** What can be chosen; labels come once the microphone was allowed. */
  devices(): Promise<{ microphones: Device[]; loudspeakers: Device[]; cameras: Device[] }>;
  /** In the phase `waiting`: make the next attempt now. In a call whose microphone is missing: try for one again. */
  retry(): void;
  /** Change the microphone of a call that goes on; empty = the browser's choice. Before one, `connect` is told which. */
  useMicrophone(deviceId: string): Promise<void>;
  /** @throws {DOMException} when it cannot be used */
  useLoudspeaker(deviceId: string): Promise<void>;
  /** Whether the microphone sends silence instead of sound. */
  mute(muted: boolean): void;

  /** Silence the agent: here at once, on the server as soon as it hears of it. */
  stop(): void;
  /**
   * Say something by keyboard. Like all that follow it returns whether it could be sent now.
   * @throws {RangeError} when it is empty or too long
   */
  sendText(text: string): boolean;
  /** Have this said, in these words; `agent.saying` tells what became of it. @throws {RangeError} when it is empty */
  say(text: string, how?: { policy?: SayPolicy; priority?: number; say?: string }): boolean;
  /** Something it should know; it is not answered. @throws {RangeError} when it is empty */
  append(text: string, role?: AppendRole): boolean;
  /** Stop the answer under way or in the making; it is not given again. */
  cancel(): boolean;
  /** Fall silent in the midst of an answer and go on listening. */
  hold(): boolean;
  /** Go on where `hold` stopped. */
  resume(): boolean;
  /** Of an utterance only so much was heard. */
  truncate(utterance: number, heardMs: number): boolean;
  /** Answer what is there, now. */
  answer(): boolean;
  /** With `manual_turns`: the person's turn ends here. */
  commit(): boolean;
  /** Forget what the person said since the last turn. */
  clear(): boolean;
  /** Change settings; what is not named stays. `settings.changed` tells that the server took them; then they hold after a reconnection too. */
  update(settings: Settings): boolean;
  /** Any event of the dialect. */
  send(event: ClientEvent): boolean;

  /** The record of this conversation, also after it ended. */
  record(format: 'json' | 'vtt'): Promise<Blob>;
  /** End the conversation and have the server forget it. When this throws, nothing was forgotten. */
  forget(): Promise<void>;
}

export type Device = { id: string; label: string };
/** `now` speaks over everybody; `when_free` waits; `never_over_person` also stops at the person's first sound. */
export type SayPolicy = NonNullable<AgentSay['policy']>;
export type AppendRole = NonNullable<MemoryAppend['role']>;
