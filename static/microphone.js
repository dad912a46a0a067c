/**
 * The microphone and the list of devices: no DOM beyond `navigator.mediaDevices`.
 *
 * @module microphone
 */

/** @typedef {{id: string, label: string}} Device */

/**
 * Open a microphone with the browser's echo cancellation on.
 * @param {string} deviceId empty = the browser's default
 * @param {boolean} only whether no other will do
 * @returns {Promise<MediaStream>}
 * @throws {DOMException} NotAllowedError, NotFoundError, NotReadableError, OverconstrainedError
 */
function openMicrophone(deviceId, only) {
  return navigator.mediaDevices.getUserMedia({
    audio: {
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      channelCount: 1,
      ...(deviceId ? { deviceId: { [only ? 'exact' : 'ideal']: deviceId } } : {}),
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
  #chosen = '';
  /** Whether that one could not be opened. */
  #failed = false;

  get muted() { return this.#muted; }
  /** What is to be sent. */
  get track() { return this.#stream?.getAudioTracks()[0]; }
  /** Whether the one in use was unplugged, or is no longer allowed, or the one chosen could not be opened. */
  get missing() { return this.#failed || this.track?.readyState === 'ended'; }

  /** @param {boolean} muted whether it gives silence instead of sound */
  mute(muted) {
    this.#muted = muted;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /**
   * Open one in place of the one in use.
   * @param {string | null} deviceId empty = the browser's default; null = the one chosen last or, where it is not there, any other
   * @param {() => boolean} wanted whether it still is, when the browser gives it
   * @returns {Promise<MediaStream | null>} null if it no longer was, or if another was asked for since:
   *   then that one is in use
   * @throws {DOMException} as `openMicrophone`
   */
  open(deviceId, wanted) {
    this.#chosen = deviceId ?? this.#chosen;
    this.#failed = false;
    /** @type {Promise<MediaStream | null>} */
    const choice = openMicrophone(this.#chosen, deviceId !== null).then((stream) => this.#take(stream, wanted, choice));
    this.#newest = choice;
    choice.catch(() => (this.#failed ||= wanted() && choice === this.#newest));
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
    this.#failed = false;
  }
}

/**
 * There may be a microphone now: one was plugged in, or allowed.
 * @param {() => void} again
 * @param {AbortSignal} signal
 */
export function watchMicrophones(again, signal) {
  navigator.mediaDevices.addEventListener('devicechange', again, { signal });
  const permission = navigator.permissions?.query({ name: 'microphone' });
  // Some browsers cannot be asked; there one tries again by hand.
  permission?.then((allowed) => allowed.addEventListener('change', again, { signal }), () => {});
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
