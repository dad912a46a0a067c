/**
 * What the person shows: camera and screen, each off until `show` and off again with `hide`. Both
 * travel on connections negotiated beforehand, so that switching is instant; the server is told when
 * it may look, and looks at nothing else. No DOM.
 *
 * A call tells of it by `shown`: the stream in use, or null.
 *
 * @module camera
 */

/** @typedef {'camera' | 'screen'} Source */
/** @typedef {import('./call.js').Call} Call */

/** Two pictures a second need no more; a screen's letters need all there are. */
const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 10 } };
const SCREEN = { frameRate: { ideal: 5 } };

export class Sight {
  #call;
  #sender;
  /** @type {Record<Source, MediaStream | null>} */
  #streams = { camera: null, screen: null };
  /** How often each was asked for or hidden: what was allowed too late is not shown. */
  #turns = { camera: 0, screen: 0 };

  /** @param {Call} call @param {(source: Source) => RTCRtpSender | undefined} sender what sends its picture now */
  constructor(call, sender) {
    this.#call = call;
    this.#sender = sender;
    call.on('phase', ({ phase }) => {
      for (const source of /** @type {Source[]} */ (Object.keys(this.#streams))) {
        if (phase === 'live') void this.#attach(source);
        if (phase === 'ended' || phase === 'failed') this.hide(source);
      }
    });
    call.on('event', ({ event }) => event.type === 'eyes.wanted' && void this.#limit(event));
  }

  /**
   * Ask for the camera or the screen, and let the server look. In answer to a click, for a screen.
   * @param {Source} source
   * @param {string} [deviceId] which camera; empty = the browser's choice
   * @returns {Promise<void>}
   * @throws {DOMException} when it is not allowed or there is none
   */
  async show(source, deviceId = '') {
    const { mediaDevices } = navigator;
    // Not `exact`: the one that was used last may be gone, and where there is one, nothing else can be chosen.
    const chosen = deviceId ? { deviceId: { ideal: deviceId } } : {};
    this.hide(source); // Many phones open one camera at a time.
    const turn = this.#turns[source];
    const stream = await (source === 'camera'
      ? mediaDevices.getUserMedia({ video: { ...CAMERA, ...chosen } })
      : mediaDevices.getDisplayMedia({ video: SCREEN, audio: false }));
    const [track] = stream.getVideoTracks();
    if (!track || turn !== this.#turns[source] || this.#call.phase !== 'live') return stop(stream);
    if (source === 'screen') track.contentHint = 'detail';
    this.#streams[source] = stream;
    const ours = () => this.#streams[source] === stream;
    // Unplugged, or ended in the browser's own bar; covered by a switch, and open again.
    track.addEventListener('ended', () => ours() && this.hide(source));
    track.addEventListener('mute', () => ours() && this.#look(source, false));
    track.addEventListener('unmute', () => ours() && this.#look(source, true));
    await this.#attach(source);
    this.#tell(source);
  }

  /** Show it no longer: the server looks away, and the camera's light goes out. @param {Source} source */
  hide(source) {
    this.#turns[source]++;
    const stream = this.#streams[source];
    if (!stream) return;
    this.#streams[source] = null;
    this.#look(source, false);
    stop(stream);
    void this.#sender(source)?.replaceTrack(null).catch(() => {});
    this.#tell(source);
  }

  /** What is shown now, or null. @param {Source} source */
  stream(source) {
    return this.#streams[source];
  }

  /** @param {Source} source */
  async #attach(source) {
    const track = this.#streams[source]?.getVideoTracks()[0];
    if (!track) return;
    await this.#sender(source)?.replaceTrack(track).catch(() => {});
    if (this.stream(source)?.getVideoTracks()[0] === track) this.#look(source, !track.muted);
  }

  /** @param {Source} source @param {boolean} on */
  #look(source, on) {
    this.#call.send({ type: 'eyes.look', source, on });
  }

  /** @param {import('./events.js').EyesWanted} wanted */
  async #limit({ source, frames_a_second, width, height }) {
    const sender = this.#sender(source);
    const parameters = sender?.getParameters();
    const [encoding] = parameters?.encodings ?? [];
    if (!sender?.track || !parameters || !encoding) return;
    const own = sender.track.getSettings();
    const pixels = (own.width ?? width) * (own.height ?? height);
    encoding.maxFramerate = frames_a_second;
    encoding.scaleResolutionDownBy = Math.max(1, Math.sqrt(pixels / (width * height)));
    // A browser that cannot is cut down by the server instead.
    await sender.setParameters(parameters).catch(() => {});
  }

  /** @param {Source} source */
  #tell(source) {
    this.#call.dispatchEvent(new CustomEvent('shown', { detail: { source, stream: this.#streams[source] } }));
  }
}

/** @param {MediaStream | null} stream */
function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
