/**
 * Events of the Counterpoint dialect, as they are on the wire.
 *
 * Generated from `server/dialects/counterpoint.schema.json` by
 * `python -m server.dialects.reference`; do not edit. Meanings are those of `docs/events.md`;
 * `_ms` is whole milliseconds.
 */

/** What one side said, as far as it was heard. */
export interface Turn {
  who: 'person' | 'agent';
  text: string;
  cut: boolean;
}

/** The first message. `turns` is what is remembered of a conversation that was resumed. */
export interface SessionStarted {
  type: 'session.started';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** the session's name */
  session: string;
  /** version of the dialect */
  dialect: 1;
  /** whether an earlier conversation goes on */
  resumed: boolean;
  /** the model's parts by name */
  parts: Record<string, string>;
  /** what is remembered */
  turns: Turn[];
}

/** The server is about to close the session. */
export interface SessionEnding {
  type: 'session.ending';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  reason: 'shutdown' | 'goodbye' | 'idle' | 'replaced' | 'limit';
  /** how soon */
  in_ms: number;
}

/** The last message. */
export interface SessionEnded {
  type: 'session.ended';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  reason: 'shutdown' | 'goodbye' | 'idle' | 'replaced' | 'limit' | 'hung_up' | 'deleted' | 'vanished' | 'too_fast' | 'internal';
}

/** A word with its times. */
export interface Word {
  text: string;
  start_ms: number;
  end_ms: number;
}

/** What the person said or typed. Replaces earlier words of the same segment until `final`. */
export interface PersonWords {
  type: 'person.words';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of a stretch of the person's speech */
  segment: number;
  /** times are those of the session's clock */
  words: Word[];
  /** whether these words stay as they are */
  final: boolean;
  /** whether they were typed */
  typed: boolean;
}

/** What the person seems to be doing. */
export interface PersonState {
  type: 'person.state';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  state: 'speaking' | 'pausing' | 'finished' | 'acknowledging' | 'elsewhere' | 'silent';
  /** how sure the model is */
  probability: number;
}

/** Words that will be heard, appended to those of the utterance so far. */
export interface AgentWords {
  type: 'agent.words';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
  /** times count from the utterance's first sample; `text` carries its own leading space */
  words: Word[];
}

/** The utterance's first sample was sent. */
export interface AgentStarted {
  type: 'agent.started';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
}

/** How much of the utterance was heard; about every 200 ms while it is played. */
export interface AgentHeard {
  type: 'agent.heard';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
  /** how much of it was heard */
  heard_ms: number;
  /** how many of its words, from the first on, were heard */
  words_heard: number;
}

/** The utterance was heard to its end. */
export interface AgentDone {
  type: 'agent.done';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
  /** how much of it was heard */
  heard_ms: number;
  /** how many of its words, from the first on, were heard */
  words_heard: number;
}

/** The rest of the utterance will not be heard: its words from `words_heard` on are struck out. */
export interface AgentCut {
  type: 'agent.cut';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
  /** how much of it was heard */
  heard_ms: number;
  /** how many of its words, from the first on, were heard */
  words_heard: number;
  by: 'floor' | 'stop' | 'quiet' | 'engine' | 'client';
}

/** What the model remembers of an utterance that is over. */
export interface AgentRemembered {
  type: 'agent.remembered';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
  text: string;
  /** whether it was cut off */
  cut: boolean;
}

/** The floor changed: what was decided about who speaks. */
export interface Floor {
  type: 'floor';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  decision: 'listen' | 'take' | 'hold' | 'yield' | 'backchannel';
  /** how sure the model is */
  probability: number;
}

/** How long the person waited for this utterance, as the server saw it. */
export interface Latency {
  type: 'latency';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
  /** from the end of the person's last word, as recognised or typed, to the first sample sent */
  latency_ms: number;
}

/** Something the person should be told of the engine. */
export interface EngineState {
  type: 'engine';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  state: 'ready' | 'restarting' | 'slow';
  message: string;
}

/** How the connection and the engine keep up; about once a second. */
export interface Health {
  type: 'health';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** round trip */
  rtt_ms: number;
  /** share of the person's packets that were lost */
  lost: number;
  /** share of the person's sound that was rebuilt */
  concealed: number;
  /** how far the engine is behind */
  behind_ms: number;
  /** speech that waits to be played */
  queued_ms: number;
}

/** The answer to `ping`. */
export interface Pong {
  type: 'pong';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** any number; it comes back */
  sent_ms: number;
}

/** Something that was sent was refused, or something failed at the server. */
export interface ErrorEvent {
  type: 'error';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  code: 'bad_json' | 'unknown_type' | 'bad_field' | 'nothing_said' | 'too_large' | 'too_fast' | 'internal';
  message: string;
  /** whether the session ends with it */
  fatal: boolean;
  /** of the client's event that caused it */
  event_id?: string;
}

/** Nothing more will be made of the utterance; sent before its last 0.4 s are played. */
export interface AgentComplete {
  type: 'agent.complete';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** number of an utterance */
  utterance: number;
  /** its whole length */
  length_ms: number;
  /** true where it ends only because it reached the longest answer there is */
  limited?: boolean;
}

/** What became of an `agent.say`: it began as this utterance, or never will. */
export interface AgentSaying {
  type: 'agent.saying';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** name of an `agent.say` */
  say: string;
  state: 'began' | 'dropped';
  /** number of an utterance */
  utterance?: number;
}

/** The answer to `agent.hold` and `agent.resume`. */
export interface AgentHeld {
  type: 'agent.held';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** whether it is silent now */
  held: boolean;
}

/** Somebody else began or ceased to listen in; sent to the person whose session it is. */
export interface Listeners {
  type: 'listeners';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** how many listen now */
  count: number;
  /** whether any of them hears the person too, and not only the voice */
  hear_person: boolean;
}

/** The model asks for a tool of the client's; to be answered by `tool.answer`. */
export interface ToolCall {
  type: 'tool.call';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** name of the call */
  call: string;
  /** the tool's name */
  name: string;
  /** as the tool's schema says */
  arguments: Record<string, unknown>;
}

/** The call is over: answered, failed, or without an answer in time. */
export interface ToolEnded {
  type: 'tool.ended';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** name of the call */
  call: string;
  /** whether it failed */
  failed: boolean;
  /** the answer's first 200 characters */
  text: string;
}

/** All settings; of tools their names. */
export interface SettingsNow {
  instructions: string;
  voice: string;
  eagerness: number;
  greeting: string;
  backchannels: boolean;
  manual_turns: boolean;
  tools: string[];
  tool_choice: string;
}

/** The settings from now on, whole; of tools their names. */
export interface SettingsChanged {
  type: 'settings.changed';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  /** All settings; of tools their names. */
  settings: SettingsNow;
  /** of the client's event that caused it */
  event_id?: string;
}

/** Something was seen in a picture. */
export interface EyesSeen {
  type: 'eyes.seen';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  source: 'camera' | 'screen';
  /** of which kind: `object` `hand` `gesture` `face` `text` `count` `scene` */
  what: string;
  /** which one */
  label: string;
  /** how surely */
  score: number;
  /** when the picture was taken */
  seen_ms: number;
  /** left, top, width, height as shares of the picture */
  box?: number[];
}

/** What the sender of that video is asked for. */
export interface EyesWanted {
  type: 'eyes.wanted';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  source: 'camera' | 'screen';
  /** no more frames than these */
  frames_a_second: number;
  /** of a box of which the pixels are the bound */
  width: number;
  /** of that box */
  height: number;
}

/** Whether the server looks, and what of it the person should know. */
export interface EyesState {
  type: 'eyes.state';
  /** from 0, consecutive */
  seq: number;
  /** on the session's clock */
  at_ms: number;
  source: 'camera' | 'screen';
  state: 'off' | 'waiting' | 'looking' | 'limited' | 'dark' | 'still' | 'stalled' | 'unusable' | 'absent';
  /** for the person; may be empty */
  message: string;
}

/** Typed words, heard as such at any moment. */
export interface TextSend {
  type: 'text.send';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  text: string;
}

/** Fall silent now. */
export interface SpeechStop {
  type: 'speech.stop';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
}

/** Hang up. */
export interface SessionEnd {
  type: 'session.end';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
}

/** Answered by `pong`. */
export interface Ping {
  type: 'ping';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  /** any number; it comes back */
  sent_ms: number;
}

/** Stop the answer under way or in the making; what it answered is not answered again. */
export interface AgentCancel {
  type: 'agent.cancel';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
}

/** So much of the utterance was heard and no more; one under way is cut there. */
export interface AgentTruncate {
  type: 'agent.truncate';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  /** number of an utterance */
  utterance: number;
  /** how much of it was heard */
  heard_ms: number;
}

/** Be silent, in the midst of a word too, and go on listening. */
export interface AgentHold {
  type: 'agent.hold';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
}

/** Go on where the hold stopped; what the person said meanwhile is answered. */
export interface AgentResume {
  type: 'agent.resume';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
}

/** Answer what is there, now: the person's words so far, typed words, or what was appended. */
export interface AgentAnswer {
  type: 'agent.answer';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  /** what this answer may ask for, as in the settings; what stands there unless said */
  tool_choice?: string;
}

/** Say this, in these words. */
export interface AgentSay {
  type: 'agent.say';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  text: string;
  /** `when_free` unless said */
  policy?: 'when_free' | 'now' | 'never_over_person';
  /** the highest goes first; 0 unless said */
  priority?: number;
  /** a name for it, found again in `agent.saying` */
  say?: string;
}

/** The model knows it from now on; it is not answered by itself. */
export interface MemoryAppend {
  type: 'memory.append';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  text: string;
  /** whose words they count as; `knowledge` unless said */
  role?: 'knowledge' | 'person' | 'agent';
}

/** The person's turn ends here, unanswered yet. */
export interface TurnCommit {
  type: 'turn.commit';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
}

/** Forget what the person said since the last turn. */
export interface TurnClear {
  type: 'turn.clear';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
}

/** A tool of the client's. */
export interface Tool {
  /** may be left out */
  type?: 'function';
  /** letters, digits, `_` and `-` */
  name: string;
  /** when to use it and what it gives */
  description?: string;
  /** JSON Schema of an object */
  parameters?: Record<string, unknown>;
  /** taken and not used */
  strict?: boolean;
  /** how long its answer may take; 30000 unless said */
  timeout_ms?: number;
}

/** How the model should behave; also of an offer. A tool is the client's own, or the name of one of the server. */
export interface Settings {
  /** what the model should be; the engine refuses what does not fit its memory */
  instructions?: string;
  /** the name of a voice */
  voice?: string;
  /** how soon a silence is answered */
  eagerness?: number;
  /** said first in a new conversation */
  greeting?: string;
  /** whether signs of listening may be given; true unless said */
  backchannels?: boolean;
  /** whether nothing is answered before `agent.answer`; false unless said */
  manual_turns?: boolean;
  /** tools of the server by name, and the client's own */
  tools?: (string | Tool)[];
  /** `auto`: the model decides; `none`; `required`: every answer asks for some tool first; or the name of the tool it asks for; `auto` unless said */
  tool_choice?: string;
}

/** Go on with these settings; what is not named stays. */
export interface SettingsUpdate {
  type: 'settings.update';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  settings: Settings;
}

/** The answer to a `tool.call`. */
export interface ToolAnswer {
  type: 'tool.answer';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  /** name of the call */
  call: string;
  text: string;
  /** whether `text` says why it failed; false unless said */
  failed?: boolean;
}

/** Look at that video from now on, or no longer. */
export interface EyesLook {
  type: 'eyes.look';
  /** a name of yours; an `error` this causes repeats it */
  event_id?: string;
  source: 'camera' | 'screen';
  /** nothing is looked at before it is true */
  on: boolean;
}

/** What the server tells. */
export type ServerEvent =
  | SessionStarted
  | SessionEnding
  | SessionEnded
  | PersonWords
  | PersonState
  | AgentWords
  | AgentStarted
  | AgentHeard
  | AgentDone
  | AgentCut
  | AgentRemembered
  | Floor
  | Latency
  | EngineState
  | Health
  | Pong
  | ErrorEvent
  | AgentComplete
  | AgentSaying
  | AgentHeld
  | Listeners
  | ToolCall
  | ToolEnded
  | SettingsChanged
  | EyesSeen
  | EyesWanted
  | EyesState;

/** What a client may send. */
export type ClientEvent =
  | TextSend
  | SpeechStop
  | SessionEnd
  | Ping
  | AgentCancel
  | AgentTruncate
  | AgentHold
  | AgentResume
  | AgentAnswer
  | AgentSay
  | MemoryAppend
  | TurnCommit
  | TurnClear
  | SettingsUpdate
  | ToolAnswer
  | EyesLook;
