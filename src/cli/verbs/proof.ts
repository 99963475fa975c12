/**
 * `proof` takes from a peer what shows who wrote a memory, when, and on whose disks it lies; `verify-proof` checks it anywhere, offline.
 */
import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import type { ProofShown } from '../../node/verify-proof.ts'
import { CliFailure, fileFailure } from '../failure.ts'
import { type Io, note, print, write } from '../io.ts'
import {
  causalHeaders,
  type CausalOptions,
  causalOptions,
  clientFor,
  example,
  overHttp,
  type ServerOptions,
  wholeNumber,
} from '../options.ts'
import { clean, coloursFor, excerpt, plural } from '../render.ts'

export const addProofVerbs = (program: Command, io: Io): void => {
  addProof(program, io)
  addVerifyProof(program, io)
}

const addProof = (program: Command, io: Io): void => {
  const verb = program
    .command('proof')
    .description('what shows who wrote a memory, when, and on whose disks it lies')
    .argument('<id>', "the memory's id")
    .option('--event <id>', 'prove this event of its history (default: the one that made it)')
    .addOption(
      new Option('--nth <n>', 'or this version of its history, from 1')
        .argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER))
        .conflicts('event'),
    )
    .option('--out <file>', 'write it there (default: standard output)')
  causalOptions(overHttp(verb))
  example(
    verb,
    'mnemesh proof 0193a1b2-0000-7000-8000-000000000000 --out deploy-key.proof',
    'mnemesh verify-proof deploy-key.proof --mesh MESH_ID',
  )
  verb.action(
    async (id: string, options: ServerOptions & CausalOptions & { event?: string; nth?: number; out?: string }) => {
      const answer = await clientFor(options, io).call<unknown>('GET', `/memories/${encodeURIComponent(id)}/proof`, {
        query: { event: options.event, version: options.nth },
        headers: causalHeaders(options),
      })
      const { proofFileOf } = await import('../../node/verify-proof.ts')
      const bytes = proofFileOf(answer)
      if (bytes === null)
        throw new CliFailure('what was answered is no proof; check --url, and that this program is as new as the peer')
      if (options.out === undefined) return write(io.stdout, new TextDecoder().decode(bytes))
      await writeFile(options.out, bytes).catch((error: unknown) => {
        throw fileFailure(error, 'write', String(options.out))
      })
      await note(
        io,
        `check it anywhere with: mnemesh verify-proof ${options.out} --mesh ID (\`mnemesh status\` shows the mesh's id; take it from where you trust it)`,
      )
    },
  )
}

const addVerifyProof = (program: Command, io: Io): void => {
  const verb = program
    .command('verify-proof')
    .description("check a proof, offline: only the mesh's id is needed")
    .argument('<file>', 'what `mnemesh proof` wrote')
    .requiredOption('--mesh <id>', "the mesh's id, from where you trust it")
    .addOption(new Option('--quorum <n>', 'voters that must hold it').argParser(wholeNumber(1, 256)).default(1))
    .option('--json', 'print what it shows as JSON')
  example(verb, 'mnemesh verify-proof deploy-key.proof --mesh e734ea6c…')
  verb.action(async (file: string, options: { mesh: string; quorum: number; json?: boolean }) => {
    const { verifyProofFile } = await import('../../node/verify-proof.ts')
    const answer = await verifyProofFile(file, options.mesh, options.quorum).catch((error: unknown) => {
      throw fileFailure(error, 'read', file)
    })
    if (!answer.ok) throw Object.assign(new CliFailure(clean(answer.message)), { code: answer.fault })
    await print(io, options.json === true ? JSON.stringify(answer) : shownText(answer, io))
  })
}

const shownText = (shown: ProofShown, io: Io): string => {
  const colours = coloursFor(io.stdout, io.env)
  const lines = [
    `${colours.green('the proof holds')}: ${shown.kind}${shown.memory === null ? '' : ` of memory ${shown.memory}`} in ${shown.namespace}`,
    `  said by ${shown.agent} at ${shown.said_at} (event ${shown.event_id})`,
    `  signed by peer ${shown.peer.name} (${shown.peer.peer_id.slice(0, 8)}), sealed at ${shown.sealed_at}`,
    ...Object.entries(shown.texts).map(
      ([field, text]) => `  ${field}: ${text === null ? '(erased, or not in the proof)' : excerpt(text, 200)}`,
    ),
    `  on the disks of ${plural(shown.voters.length, 'voter')}: ${shown.voters.map(({ name, peer_id }) => `${name} (${peer_id.slice(0, 8)})`).join(', ')}`,
    `  mesh ${shown.mesh_name} (${shown.mesh.slice(0, 8)}), by its control log up to statement ${shown.control_seq}; what came later it does not show`,
  ]
  return lines.map(clean).join('\n')
}
