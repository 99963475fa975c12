/**
 * Shows that rows stay: `npm run rows-proof -- [--memories N]` (20,000). Prints what was seen as one line of JSON; exit status 1 when an
 * answer was wrong or a search refused, or more rows were written again than texts came late.
 */
import { Command } from 'commander'
import { whole } from '../arguments.ts'
import { proveRows } from './proof.ts'

const { memories } = new Command('npm run rows-proof --')
  .description('Two real peers with N memories each; 300 of 4 KiB in bulk on the one, while the other is asked.')
  .allowExcessArguments(false)
  .option('--memories <n>', 'on each peer beforehand', whole(1, 100_000), 20_000)
  .parse()
  .opts<{ memories: number }>()

const proof = await proveRows(memories, (line) => void process.stdout.write(`rows-proof: ${line}\n`))
process.stdout.write(`rows-proof: ${JSON.stringify(proof)}\n`)
process.exitCode = proof.wrong.length + proof.refused > 0 || proof.written_again > proof.late ? 1 : 0
