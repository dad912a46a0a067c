/**
 * Fetching and deleting the record.
 *
 * @module elements/record-view
 */

import { part, setOff, setText } from './dom.js';

/** @typedef {Pick<import('../call.js').Call, 'hasRecord' | 'record' | 'forget'>} Call */

/**
 * @param {ParentNode} root
 * @param {() => Call | null} call the conversation that is shown
 * @param {() => void} forgotten called when the server has deleted the record
 * @param {AbortSignal} signal ends its listeners
 * @returns {() => void} brings the buttons up to date
 */
export function recordView(root, call, forgotten, signal) {
  const dialog = part(root, 'forget-dialog', HTMLDialogElement);
  const problem = part(root, 'record-error');
  const forget = part(root, 'forget', HTMLButtonElement);
  const buttons = [part(root, 'export-json', HTMLButtonElement), part(root, 'export-vtt', HTMLButtonElement), forget];

  /** @param {(call: Call) => Promise<void>} act @param {string} failed */
  const attempt = async (act, failed) => {
    const one = call();
    setText(problem, '');
    try {
      if (one?.hasRecord) await act(one);
    } catch (error) {
      setText(problem, `${failed} ${error instanceof Error && error.message ? error.message : 'Check the connection and try again.'}`);
    }
  };
  for (const format of /** @type {const} */ (['json', 'vtt'])) {
    part(root, `export-${format}`, HTMLButtonElement).addEventListener('click', () => {
      void attempt(async (one) => save(await one.record(format), `conversation.${format}`), 'The record could not be fetched.');
    }, { signal });
  }
  forget.addEventListener('click', () => {
    if (!call()?.hasRecord) return;
    dialog.returnValue = '';
    dialog.showModal();
  }, { signal });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'forget') return;
    void attempt(async (one) => {
      await one.forget();
      // Another one may have begun meanwhile.
      if (one === call()) forgotten();
    }, 'The record was not deleted.');
  }, { signal });

  return () => {
    for (const button of buttons) setOff(button, !call()?.hasRecord);
  };
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has begun by then; keeping the address would keep the record in memory.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
