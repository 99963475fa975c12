/** `npm run sizes`: packs the package, installs it into an empty folder, and prints how large each is. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install } from './install.ts'
import * as sizes from './sizes.ts'
import { pack, ROOT, unpack } from './tarball.ts'

const dir = await mkdtemp(join(tmpdir(), 'mnemesh-sizes-'))
try {
  const tarball = await pack(ROOT, dir)
  const missing = await install(ROOT, tarball, join(dir, 'user'))
  const installed = missing ?? sizes.megabytes(await sizes.bytesBelow(join(dir, 'user', 'node_modules')))
  const client = sizes.megabytes(sizes.clientBytes(await unpack(tarball, dir)))
  console.log(`package            ${sizes.megabytes(tarball.unpackedSize)}, ${tarball.files.length} files`)
  console.log(`with dependencies  ${installed}`)
  console.log(`mnemesh/client     ${client} of source`)
} finally {
  await rm(dir, { recursive: true, force: true })
}
