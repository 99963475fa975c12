/**
 * Writes the byte vectors: `npm run build && node dist/property-tests/vectors/generate.js [folder]`, from the checkout.
 *
 * A changed vector is a changed format: existing meshes stop understanding each other unless a version goes with it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeVectors } from './cases.ts'
import { makeCoreVectors } from './core-cases.ts'
import { makeHandshakeVectors } from './handshake-cases.ts'
import { makeLevelVectors } from './level-cases.ts'

const folder = process.argv[2] ?? join('property-tests', 'vectors')
for (const [name, vectors] of Object.entries({ ...makeVectors(), ...makeCoreVectors(), handshake: makeHandshakeVectors(), level: makeLevelVectors() })) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(vectors, null, 1)}\n`)
}
