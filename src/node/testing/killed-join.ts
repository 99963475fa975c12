/** A process that takes a folder into a mesh and kills itself on the way: at a step of the joining, or instead of its n-th rename or copy in the folder. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const [dir = '', token = '', where = ''] = process.argv.slice(2)
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

let [left, isDecided] = [where.startsWith('move ') ? Number(where.slice(5)) : Number.POSITIVE_INFINITY, false]
const counting =
  <A extends readonly unknown[], R>(real: (...args: A) => R) =>
  (...args: A): R => {
    if (isDecided && --left === 0) die()
    return real(...args)
  }
fs.promises.rename = counting(fs.promises.rename)
fs.promises.copyFile = counting(fs.promises.copyFile)
syncBuiltinESMExports()

const { joinFolder } = await import('../join-folder.ts')
const joined = await joinFolder({
  leave: true,
  token,
  dir,
  clock: { now: () => Date.now() },
  random: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
  reached: (step) => {
    if (step === 'whole') isDecided = true
    if (step === where) die()
  },
})
process.stdout.write(JSON.stringify(joined))
