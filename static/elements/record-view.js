/**
 * Fetching and deleting the record.
 *
 * @module elements/record-view
 */

import { part, setText } from './dom.js';

/** @typedef {import('../call.js').Call} Call */

/**
 * @param {ParentNode} root
 * @param {Call} call
 * @param {() => void} forgotten called when the server has deleted the record
 * @param {AbortSignal} signal ends its listeners
 * @returns {() => void} brings the buttons up to date
 */
export function recordView(root, call, forgotten, signal) {
  const dialog = part(root, 'forget-dialog', HTMLDialogElement);
  const problem = part(root, 'record-error', HTMLElement);
  const forget = part(root, 'forget', HTMLButtonElement);
  const buttons = [part(root, 'export-json', HTMLButtonElement), part(root, 'export-vtt', HTMLButtonElement), forget];

  /** @param {() => Promise<void>} act @param {string} failed */
  const attempt = async (act, failed) => {
    setText(problem, '');
    try {
      await act();
    } catch (error) {
      setText(problem, `${failed} ${error instanceof Error && error.message ? error.message : 'Check the connection and try again.'}`);
    }
  };
  for (const format of /** @type {const} */ (['json', 'vtt'])) {
    part(root, `export-${format}`, HTMLButtonElement).addEventListener('click', () => {
      void attempt(async () => save(await call.record(format), `conversation.${format}`), 'The record could not be fetched.');
    }, { signal });
  }
  forget.addEventListener('click', () => {
    dialog.returnValue = '';
    dialog.showModal();
  }, { signal });
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'forget') return;
    void attempt(async () => {
      await call.forget();
      forgotten();
    }, 'The record was not deleted.');
  }, { signal });

  return () => {
    for (const button of buttons) button.disabled = !call.hasRecord;
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
