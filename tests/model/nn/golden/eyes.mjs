// The values of eyes.json, by TensorFlow.js's own kernels: an implementation that shares nothing with
// model/nn/graph.py. Run once, outside of the repository:
//
//   npm install --ignore-scripts @tensorflow/tfjs@4.22.0
//   node eyes.mjs FOLDER_OF_THE_RAW_GRAPHS NAME SIZE PICTURE_NODE NODE,NODE,… LOW HIGH > NAME.json
//
// with the sizes and nodes of NETWORKS in model/weights/convert_tfjs.py, and LOW and HIGH 0 255
// (centernet), -1 1 (movenet-lightning, blazeface) or 0 1 (handlandmark-lite). eyes.json keeps, for
// each map in channels-first order, every n-th value, the mean, the highest and its place.
import fs from 'node:fs'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { loadGraphModel } from '@tensorflow/tfjs-converter'

const [folder, name, size, picture, nodes, low, high] = process.argv.slice(2)

const load = async () => {
  const described = JSON.parse(fs.readFileSync(`${folder}/${name}.json`, 'utf8'))
  const bytes = fs.readFileSync(`${folder}/${name}.bin`)
  return {
    format: described.format,
    modelTopology: described.modelTopology,
    signature: described.signature,
    weightSpecs: described.weightsManifest[0].weights,
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  }
}

// A disc, a slope that starts anew again and again, and a fine grid: the same formula as in
// test_sight.py.
const pixels = (n) => {
  const values = new Float32Array(n * n * 3)
  for (let y = 0; y < n; y++)
    for (let x = 0; x < n; x++)
      for (let c = 0; c < 3; c++) {
        const across = (x - n * 0.5) / n
        const down = (y - n * 0.45) / n
        const disc = across * across + down * down < 0.05 ? 1 : 0
        const slope = ((x * (c + 1) + 2 * y) % n) / n
        const share = 0.35 * disc + 0.5 * slope + (0.15 * ((x ^ y) % 8)) / 7
        values[(y * n + x) * 3 + c] = Math.fround(+low + (high - low) * share)
      }
  return values
}

await tf.setBackend('cpu')
const model = await loadGraphModel({ load })
const given = tf.tensor4d(pixels(+size), [1, +size, +size, 3])
const maps = model.execute({ [picture]: given }, nodes.split(','))
const found = {}
for (const [place, node] of nodes.split(',').entries())
  found[node] = { shape: maps[place].shape, data: Array.from(await maps[place].data()) }
process.stdout.write(JSON.stringify(found))
