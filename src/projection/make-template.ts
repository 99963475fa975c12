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
    await strip(join(dir, 'pglite'))
    await rename(join(dir, 'pglite'), folder)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Without the databases that serve to make others, two thirds of the files: whoever copies it makes none. */
const strip = async (folder: string): Promise<void> => {
  const { PGlite } = await import('@electric-sql/pglite')
  const db = await PGlite.create(folder)
  await db.exec('update pg_database set datistemplate = false, datallowconn = true where datname <> current_database()')
  for (const name of ['template0', 'template1']) await db.exec(`drop database ${name}`)
  await db.exec('checkpoint')
  await db.close()
}

const folder = templateFolder()
if (!hasTemplate(folder)) {
  await make(folder).catch((error: unknown) => {
    // Another build was quicker.
    if (hasTemplate(folder)) return
    process.stderr.write(
      `build: no template of the embedded database (${error instanceof Error ? error.message : String(error)}); first starts take some seconds longer\n`,
    )
  })
}
