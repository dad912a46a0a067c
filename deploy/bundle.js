/**
 * The files that other sites load, each made of the modules in static/ it needs:
 *
 *     node deploy/bundle.js            # writes static/dist/
 *     node deploy/bundle.js --check    # fails when a file there is not current, or too large
 *
 * Our own page loads the modules as they are.
 */

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = `${ROOT}static/dist/`;
/** Source, bundle, and the most bytes it may have: what a site's visitor has to load. */
const BUNDLES = [
  { entry: 'static/counterpoint.js', name: 'counterpoint.min.js', most: 30 * 1024 },
  { entry: 'static/elements/counterpoint-call.js', name: 'counterpoint-call.min.js', most: 64 * 1024 },
];

/** @param {(typeof BUNDLES)[number]} bundle */
async function made({ entry }) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    banner: { js: `/* Counterpoint, Apache-2.0. Made from ${entry}. */` },
  });
  const inputs = Object.keys(metafile.inputs);
  return { text: outputFiles[0].text, inputs };
}

const checking = process.argv.includes('--check');
const wrong = [];
mkdirSync(FOLDER, { recursive: true });
for (const bundle of BUNDLES) {
  const { text, inputs } = await made(bundle);
  const path = FOLDER + bundle.name;
  const [bytes, source] = [Buffer.byteLength(text), inputs.reduce((sum, one) => sum + statSync(ROOT + one).size, 0)];
  if (bytes > bundle.most) wrong.push(`${bundle.name} has ${bytes} bytes; it may have ${bundle.most}`);
  if (!checking) {
    writeFileSync(path, text);
    console.log(`${bundle.name}: ${bytes} bytes, of ${inputs.length} modules with ${source}`);
  } else if (text !== current(path)) wrong.push(`static/dist/${bundle.name} is not current: run \`npm run build\``);
}
for (const one of wrong) console.error(one);
process.exitCode = wrong.length ? 1 : 0;

/** @param {string} path */
function current(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
