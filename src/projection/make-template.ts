/** A step of `npm run build`: makes the embedded database that first starts copy (`template.ts`), unless it is there. Without it all goes on, slower. */
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hasTemplate, templateFolder } from './template.ts'

const make = async (folder: string): Promise<void> => {
  // Loaded when it is needed alone: this step is part of every `npm start`.
  const { openPglite } = await import('./pglite.ts')
  const dir = await mkdtemp(join(dirname(folder), 'pglite-new-'))
  try {
    const sql = openPglite(dir, () => undefined)
    await sql.connect()
    await sql.close()
    await rename(join(dir, 'pglite'), folder)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const folder = templateFolder()
if (!hasTemplate(folder)) {
  await make(folder).catch((error: unknown) => {
    // Another build was quicker.
    if (hasTemplate(folder)) return
    process.stderr.write(`build: no template of the embedded database (${error instanceof Error ? error.message : String(error)}); first starts take some seconds longer\n`)
  })
}
