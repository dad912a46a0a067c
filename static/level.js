/**
 * How loud a stream is, by an AnalyserNode. Reading is cheap and allocates nothing.
 *
 * @module level
 */

/** Peak below which nothing can be heard: -50 dBFS. */
export const SILENCE = 0.003;

export class LevelMeter {
  #audio;
  #node;
  #source;
  #samples;

  /**
   * @param {AudioContext} audio
   * @param {MediaStream} stream with an audio track
   */
  constructor(audio, stream) {
    this.#audio = audio;
    this.#node = new AnalyserNode(audio, { fftSize: 1024, smoothingTimeConstant: 0 });
    this.#source = new MediaStreamAudioSourceNode(audio, { mediaStream: stream });
    this.#source.connect(this.#node);
    this.#samples = new Float32Array(this.#node.fftSize);
  }

  /** Loudest sample of the last ~21 ms, 0 to 1; null while the browser lets no sound be measured. */
  peak() {
    if (this.#audio.state !== 'running') {
      this.#wake();
      return null;
    }
    this.#node.getFloatTimeDomainData(this.#samples);
    return peakOf(this.#samples);
  }

  /** Before somebody has clicked it is held back, and a phone call suspends it; neither ends by itself. */
  #wake() {
    if (navigator.userActivation?.hasBeenActive !== false) this.#audio.resume().catch(() => {});
  }

  close() {
    this.#source.disconnect();
    this.#node.disconnect();
  }
}

/**
 * @param {Float32Array} samples
 * @returns {number} 0 to 1; NaN counts as silence
 */
export function peakOf(samples) {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample) || 0);
  return Math.min(1, peak);
}

/**
 * Where a loudness stands on a meter that shows -60 to 0 dBFS.
 * @param {number} peak 0 to 1
 * @returns {number} 0 to 1
 */
export function meterPosition(peak) {
  if (!(peak > 0)) return 0;
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(peak)) / 60));
}
