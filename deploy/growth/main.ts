/**
 * How a peer grows: `npm run bench:growth -- [--sizes 10000,100000] [--batch N] [--out DIR]`. Linux alone.
 *
 * Figures go to standard output as a table, each beside its goal, and into DIR as growth.json and growth.svg. Exit status 1 when a goal
 * is missed. A million memories take some forty minutes.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { whole } from '../arguments.ts'
import { figuresOf } from './goals.ts'
import { measureGrowth } from './measure.ts'
import { curvesOf } from './picture.ts'

const MEMORIES = whole(10, 10_000_000)
const ascending = (text: string): readonly number[] =>
  text
    .split(',')
    .map(MEMORIES)
    .toSorted((a, b) => a - b)

const { sizes, batch, out } = new Command('npm run bench:growth --')
  .description('Disk, start, memory and the time of requests as a peer holds more and more memories.')
  .allowExcessArguments(false)
  .option('--sizes <list>', 'memories at which it is measured, with commas between', ascending, [10_000, 100_000])
  .option('--batch <n>', 'memories in a request, which come to lie in one commit', whole(1, 1_000), 4)
  .option('--out <dir>', 'where growth.json and growth.svg are put', 'deploy/results')
  .parse()
  .opts<{ sizes: readonly number[]; batch: number; out: string }>()

const dir = await mkdtemp(join(tmpdir(), 'mnemesh-growth-'))
try {
  const measured = await measureGrowth({
    dir: join(dir, 'peer'),
    sizes,
    batch,
    say: (line) => void process.stderr.write(`bench:growth: ${line}\n`),
  })
  const grown = measured.map((size) => ({ ...size, figures: figuresOf(size, measured[0]!) }))
  const met = grown.every(({ figures }) => figures.every((figure) => figure.met))
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
  await mkdir(out, { recursive: true })
  await writeFile(join(out, 'growth.json'), `${JSON.stringify({ machine, batch, met, sizes: grown }, null, 2)}\n`)
  await writeFile(join(out, 'growth.svg'), curvesOf(grown))
  for (const { memories, commits, figures } of grown) {
    process.stdout.write(`${memories} memories in ${commits} commits\n`)
    for (const { name, unit, value, goal, met: isMet } of figures)
      process.stdout.write(
        `  ${isMet ? ' ' : '!'} ${name.padEnd(46)} ${`${value} ${unit}`.padStart(12)}${goal === null ? '' : `   goal ${goal} ${unit}`}\n`,
      )
  }
  process.exitCode = met ? 0 : 1
} finally {
  await rm(dir, { recursive: true, force: true })
}
