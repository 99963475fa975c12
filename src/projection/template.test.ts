/** The embedded database's template: the build made one, a first start copies it whole, and nobody's rows are copied over. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openPglite } from './pglite.ts'
import { copyTemplate, hasTemplate, templateFolder } from './template.ts'

const root = mkdtempSync(join(tmpdir(), 'mnemesh-template-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

it('was made by the build, with nothing in it', async () => {
  expect(hasTemplate(templateFolder())).toBe(true)
  const said: string[] = []
  const sql = openPglite(join(root, 'fresh'), (line) => said.push(line))
  await sql.connect()
  expect(
    await sql.transaction((query) =>
      query("select count(*)::float8 as tables from pg_class where relnamespace = 'public'::regnamespace"),
    ),
  ).toEqual([{ tables: 0 }])
  await sql.close()
  expect(said).toEqual([])
}, 60_000)

it('is copied whole: what a crash left of a copy is thrown away', async () => {
  const folder = join(root, 'crashed', 'pglite')
  mkdirSync(`${folder}.new`, { recursive: true })
  writeFileSync(join(`${folder}.new`, 'half'), '')
  await copyTemplate(folder)
  expect(readdirSync(folder).sort()).toEqual(readdirSync(templateFolder()).sort())
  expect(existsSync(`${folder}.new`)).toBe(false)
})

it('is not copied over a database that is there', async () => {
  const folder = join(root, 'there', 'pglite')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'rows'), '')
  await copyTemplate(folder)
  expect(readdirSync(folder)).toEqual(['rows'])
})
