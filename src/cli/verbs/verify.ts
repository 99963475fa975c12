/**
 * `verify`: checks every signature, chain, root and body, of a folder or through a peer, and names the first bad one.
 */
import { type Command } from 'commander'
import type { VerifyAnswer } from '../../api.ts'
import { CliFailure, usage } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { clientFor, example, overHttp, type ServerOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import { clean, coloursFor, plural } from '../render.ts'
import { cliLimits } from '../limits.ts'

export const addVerify = (program: Command, io: Io): void => {
  const verb = overHttp(program.command('verify').description('check every signature, chain, root and body'))
  verb.option('--data <dir>', "check this peer's folder instead (the peer must be stopped)")
  example(verb, 'mnemesh verify --data .mnemesh/peer-1', 'mnemesh verify --url http://127.0.0.1:7702')
  verb.action(async (options: ServerOptions & { data?: string }) => {
    if (options.data !== undefined && options.url !== undefined) throw usage('give either --data or --url')
    const answer = options.data === undefined ? await overWire(options, io) : await inFolder(options.data, io)
    if (options.json === true) await print(io, JSON.stringify(answer))
    if (!answer.ok) throw new CliFailure(badText(answer))
    if (options.json !== true) await print(io, wellText(answer, io))
  })
}

const overWire = (options: ServerOptions, io: Io): Promise<VerifyAnswer> =>
  clientFor(options, io).call<VerifyAnswer>('POST', '/verify', {
    body: {},
    accept: [422, 500],
    timeout_ms: cliLimits.cli_verify_ms_max,
  })

const inFolder = async (dir: string, io: Io): Promise<VerifyAnswer> => {
  const { verifyFolder } = await import('../../node/verify-folder.ts')
  const progress = startProgress(io, 'verifying', 'commits')
  try {
    return await verifyFolder({
      dir,
      random: io.random,
      onProgress: (done: number, total: number) => progress.update(done, total, ''),
    })
  } finally {
    progress.stop()
  }
}

const wellText = (answer: VerifyAnswer, io: Io): string => {
  const counted = [
    plural(answer.commits, 'commit'),
    plural(answer.events, 'event'),
    plural(answer.bodies, 'body', 'bodies'),
    plural(answer.chains, 'chain'),
  ]
  if (answer.unknown_events > 0)
    counted.push(
      `${plural(answer.unknown_events, 'event')} with parts that mean nothing here (a later format: \`status\` shows the level)`,
    )
  return `${coloursFor(io.stdout, io.env).green('all is well')}: ${counted.join(', ')}`
}

const badText = ({ problems }: VerifyAnswer): string => {
  const [first, ...more] = problems
  if (first === undefined) return 'it does not verify, and does not say where; look into the log of the peer'
  const rest = more.length === 0 ? '' : `, and ${plural(more.length, 'problem')} more (--json lists them)`
  return clean(
    `${first.where}: ${first.what}${rest}; peers that hold it whole can give it back: start this one with the mesh reachable`,
  )
}
