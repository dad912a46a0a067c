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
export function openMicrophone(devices, deviceId) {
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

/** @param {MediaStream | null} stream */
export function closeMicrophone(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * What can be chosen. Labels are empty until the microphone was allowed once; then a number stands
 * in for them.
 * @param {MediaDevices} devices
 * @returns {Promise<{microphones: Device[], loudspeakers: Device[], cameras: Device[]}>}
 */
export async function listDevices(devices) {
  const all = await devices.enumerateDevices();
  /** @param {MediaDeviceKind} kind @param {string} word @returns {Device[]} */
  const named = (kind, word) =>
    all
      // Before permission an entry without an id stands for "there is one".
      .filter((device) => device.kind === kind && device.deviceId !== '' && device.deviceId !== 'default')
      .map((device, index) => ({ id: device.deviceId, label: device.label || `${word} ${index + 1}` }));
  return {
    microphones: named('audioinput', 'Microphone'),
    loudspeakers: named('audiooutput', 'Loudspeaker'),
    cameras: named('videoinput', 'Camera'),
  };
}
