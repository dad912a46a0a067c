/**
 * The microphone and the list of devices: no DOM beyond `navigator.mediaDevices`.
 *
 * @module microphone
 */

/** @typedef {{id: string, label: string}} Device */

/**
 * Open a microphone with the browser's echo cancellation on.
 * @param {MediaDevices} devices
 * @param {string} deviceId empty = the browser's default
 * @returns {Promise<MediaStream>}
 * @throws {DOMException} NotAllowedError, NotFoundError, NotReadableError, OverconstrainedError
 */
function openMicrophone(devices, deviceId) {
  return devices.getUserMedia({
    audio: {
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      channelCount: 1,
      ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
    },
  });
}

/** The microphone in use: one at a time. */
export class Microphone {
  /** @type {MediaStream | null} */
  #stream = null;
  #muted = false;
  /** The newest choice: only the last one counts. @type {Promise<unknown> | null} */
  #newest = null;

  get muted() { return this.#muted; }
  /** What is to be sent. */
  get track() { return this.#stream?.getAudioTracks()[0]; }
  /** Whether the one in use was unplugged, or is no longer allowed. */
  get gone() { return this.track?.readyState === 'ended'; }

  /** @param {boolean} muted whether it gives silence instead of sound */
  mute(muted) {
    this.#muted = muted;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /**
   * Open one in place of the one in use.
   * @param {string} deviceId empty = the browser's default
   * @param {() => boolean} wanted whether it still is, when the browser gives it
   * @returns {Promise<MediaStream | null>} null if it no longer was, or if another was asked for since:
   *   then that one is in use
   * @throws {DOMException} as `openMicrophone`
   */
  open(deviceId, wanted) {
    /** @type {Promise<MediaStream | null>} */
    const choice = openMicrophone(navigator.mediaDevices, deviceId).then((stream) => this.#take(stream, wanted, choice));
    this.#newest = choice;
    return choice;
  }

  /** @param {MediaStream} stream @param {() => boolean} wanted @param {Promise<unknown>} choice the one it was opened for */
  async #take(stream, wanted, choice) {
    if (!wanted() || choice !== this.#newest) {
      stop(stream);
      if (wanted()) await this.#newest;
      return null;
    }
    stop(this.#stream);
    this.#stream = stream;
    this.mute(this.#muted);
    return stream;
  }

  close() {
    stop(this.#stream);
    this.#stream = null;
  }
}

/** @param {MediaStream | null} stream */
function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** What devices are called whose names are not known. */
const KINDS = Object.freeze({ microphone: 'Microphone', loudspeaker: 'Loudspeaker', camera: 'Camera' });

/**
 * What can be chosen. Labels are empty until the microphone was allowed once; until then a number
 * stands in for them.
 * @param {MediaDevices} devices
 * @param {Readonly<Record<keyof typeof KINDS, string>>} [kinds]
 * @returns {Promise<{microphones: Device[], loudspeakers: Device[], cameras: Device[]}>}
 */
export async function listDevices(devices, kinds = KINDS) {
  const all = await devices.enumerateDevices();
  /** @param {MediaDeviceKind} kind @param {string} word @returns {Device[]} */
  const named = (kind, word) =>
    all
      // Before permission an entry without an id stands for "there is one".
      .filter((device) => device.kind === kind && device.deviceId !== '' && device.deviceId !== 'default')
      .map((device, index) => ({ id: device.deviceId, label: device.label || `${word} ${index + 1}` }));
  return {
    microphones: named('audioinput', kinds.microphone),
    loudspeakers: named('audiooutput', kinds.loudspeaker),
    cameras: named('videoinput', kinds.camera),
  };
}
