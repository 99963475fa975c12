/**
 * Writes the byte vectors: `npm run build && node dist/property-tests/vectors/generate.js [folder]`, from the checkout.
 *
 * A changed vector is a changed format: existing meshes stop understanding each other unless a version goes with it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeVectors } from './cases.ts'
import { makeBoundsVectors, makeLeavingVectors } from './bounds-cases.ts'
import { makeCoreVectors } from './core-cases.ts'
import { makeForkVectors } from './fork-cases.ts'
import { makeFrameVectors } from './frame-cases.ts'
import { makeHandshakeVectors } from './handshake-cases.ts'
import { makeLevelVectors } from './level-cases.ts'
import { makeProofVectors } from './proof-cases.ts'
import { makeEnrolVectors, makeSealVectors } from './seal-cases.ts'
import { makeNameVectors, makeSignatureVectors } from './signature-cases.ts'
import { makeVerdictVectors } from './verdict-cases.ts'

const folder = process.argv[2] ?? join('property-tests', 'vectors')
const handshake = makeHandshakeVectors()
const made = {
  ...makeVectors(),
  ...makeCoreVectors(),
  handshake,
  level: makeLevelVectors(),
  bounds: makeBoundsVectors(),
  leaving: makeLeavingVectors(),
  fork: makeForkVectors(),
  frame: makeFrameVectors(),
  enrol: makeEnrolVectors(),
  seal: makeSealVectors(handshake, handshake.handshakes[0]!.name),
  signature: makeSignatureVectors(),
  name: makeNameVectors(),
  verdict: makeVerdictVectors(),
  proof: makeProofVectors(),
}
for (const [name, vectors] of Object.entries(made)) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(vectors, null, 1)}\n`)
}
