/**
 * The ship gate: whether this build may be released.
 *
 *   npm run ship-gate -- [--phases 1,2,3,4] [--classes NAME,NAME] [--cycles 50] [--writes 100] [--database postgres://…] [--seed S] [--out DIR]
 *
 * Four phases on three real peers with search indexes; the first line says whether it passed, and if not, why. Exit status 1 when it did not.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { whole } from '../arguments.ts'
import { startBar } from '../chaos/bar.ts'
import { startMesh, type ChaosMesh } from '../chaos/peers.ts'
import { draws } from '../chaos/random.ts'
import { startDatabase, whyNoDatabase } from '../local/database.ts'
import { freePorts } from '../local/ports.ts'
import { GATE_CLASSES, playCycles, type GateClass } from './cycles.ts'
import type { Phase } from './mesh.ts'
import { agents, databases, functional } from './phases.ts'
import { gateMarkdown } from './report.ts'

const PHASES = [1, 2, 3, 4] as const
const phasesOf = (text: string): readonly number[] =>
  text.split(',').map((word) => {
    const found = PHASES.find((phase) => String(phase) === word.trim())
    if (found === undefined) throw new InvalidArgumentError(`Give some of ${PHASES.join(', ')}.`)
    return found
  })

const classesOf = (text: string): readonly GateClass[] =>
  text.split(',').map((word) => {
    const found = GATE_CLASSES.find(({ name }) => name === word.trim())
    if (found === undefined)
      throw new InvalidArgumentError(`Give some of ${GATE_CLASSES.map(({ name }) => name).join(', ')}.`)
    return found
  })

const options = new Command('npm run ship-gate --')
  .description('Decides whether this build may be released: functions, four agents, databases, chaos.')
  .allowExcessArguments(false)
  .option('--phases <numbers>', '1 functional, 2 four agents, 3 databases, 4 chaos', phasesOf, PHASES)
  .option('--classes <names>', 'of the fourth; what is left out leaves the gate undecided', classesOf, GATE_CLASSES)
  .option('--cycles <n>', 'cycles of each class of the fourth', whole(1, 1_000), 50)
  .option('--writes <n>', 'writes of a cycle', whole(8, 10_000), 100)
  .option(
    '--database <url>',
    'a Postgres database that may be filled, for the third (default: a server of its own, where one is installed)',
  )
  .option('--seed <n>', 'the same seed draws the same faults', whole(0, 2 ** 31), Date.now() % 2 ** 31)
  .option('--out <dir>', 'ship-gate.md and ship-gate.json are written there')
  .addHelpText(
    'after',
    `\nClasses: ${GATE_CLASSES.map(({ name }) => name).join(', ')}\n\nExamples:\n  $ npm run ship-gate -- --cycles 50 --out /tmp/gate\n  $ npm run ship-gate -- --phases 4 --classes drop_random_acks --writes 20`,
  )
  .parse()
  .opts<{
    phases: readonly number[]
    classes: readonly GateClass[]
    cycles: number
    writes: number
    database?: string
    seed: number
    out?: string
  }>()

const phases: Phase[] = []
const notTried: string[] = [
  ...PHASES.filter((phase) => !options.phases.includes(phase)).map(
    (phase) => `phase ${phase}, which --phases leaves out`,
  ),
  ...GATE_CLASSES.filter((one) => !options.classes.includes(one)).map(
    ({ name }) => `${name}, which --classes leaves out`,
  ),
]
const dir = await mkdtemp(join(tmpdir(), 'mnemesh-gate-'))
const jitter = draws(options.seed)
const bar = startBar('cycles', options.phases.includes(4) ? options.cycles * options.classes.length : 1)
const played = async (name: string, play: () => Promise<Phase>): Promise<void> => {
  const phase = await play().catch((error: unknown): Phase => ({
    name,
    passed: false,
    facts: [],
    reasons: [error instanceof Error ? error.message : String(error)],
  }))
  phases.push(phase)
  bar.print(
    `${phase.passed ? 'passed' : 'FAILED'}  ${phase.name}: ${[...phase.facts, ...phase.reasons].join('; ').slice(0, 2_000)}`,
  )
}
/** The third phase, on the database that was named or a server of its own. */
const moved = async (mesh: ChaosMesh): Promise<Phase> => {
  if (options.database !== undefined) return databases(mesh, options.database)
  const server = await startDatabase(join(dir, 'postgres'))
  try {
    return await databases(mesh, server.url)
  } finally {
    await server.stop()
  }
}
let stop = async (): Promise<void> => undefined
try {
  const mesh = await startMesh({
    dir,
    names: ['a', 'b', 'c'],
    projection: 'pglite',
    prepare: () => undefined,
    ports: () => freePorts(1),
    random: () => jitter.whole(1_000_000) / 1_000_000,
  })
  stop = mesh.stop
  if (options.phases.includes(1)) await played('1 functional', () => functional(mesh, join(dir, 'backups')))
  if (options.phases.includes(2)) await played('2 four agents', () => agents(mesh))
  if (options.phases.includes(3)) {
    const missing = options.database === undefined ? whyNoDatabase() : null
    if (missing === null) await played('3 databases', () => moved(mesh))
    else notTried.push(`phase 3: ${missing}; or name a database with --database`)
  }
  if (options.phases.includes(4))
    for (const only of options.classes)
      await played(`4 ${only.name}`, () =>
        playCycles({
          mesh,
          only,
          cycles: options.cycles,
          writes: options.writes,
          seed: options.seed,
          onCycle: () => bar.add(1),
        }),
      )
} finally {
  bar.stop()
  await stop()
  await rm(dir, { recursive: true, force: true })
}
const { text, passed } = gateMarkdown({ phases, notTried, seed: options.seed })
process.stdout.write(`\n${text}`)
if (options.out !== undefined) {
  await mkdir(options.out, { recursive: true })
  await writeFile(join(options.out, 'ship-gate.md'), text)
  await writeFile(
    join(options.out, 'ship-gate.json'),
    `${JSON.stringify({ passed, seed: options.seed, notTried, phases }, null, 1)}\n`,
  )
}
process.exitCode = passed ? 0 : 1
