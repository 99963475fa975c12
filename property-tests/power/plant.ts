/**
 * Loaded before everything else (`node --import`): from then on one built module has the bug that `MNEMESH_PLANT` names.
 */
import { register } from 'node:module'
import { BUGS } from './bugs.ts'

const name = process.env['MNEMESH_PLANT']
const bug = BUGS.find((known) => known.name === name)
if (bug === undefined) throw new Error(`no bug is called '${name ?? ''}': the names are in property-tests/power/bugs.ts`)
register('./swap.js', import.meta.url, { data: { url: new URL(`../../${bug.module}`, import.meta.url).href, find: bug.find, put: bug.put } })
