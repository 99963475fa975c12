/**
 * API keys on the command line: from a file that nobody else may read, standard input or the environment. Never as a word of it: every
 * process of the machine can read those, and shells keep them.
 */
import { open } from 'node:fs/promises'
import { Option } from 'commander'
import { CliFailure, fileFailure, usage } from './failure.ts'
import type { Io } from './io.ts'
import { cliLimits } from './limits.ts'

type KeySource = { readonly keyFile?: string }

/** `--key`, hidden: it is refused by a line that names the mend, and does not repeat the key. */
export const keyOption = (): Option =>
  new Option('--key [key]').hideHelp().argParser(() => {
    throw usage(
      '--key is not taken: everybody on this machine can read it in the process list; put the key into a file (chmod 600) and give --key-file FILE, or set MNEMESH_KEY',
    )
  })

/** What clients of a peer must give; several where the file has several lines. */
export const keysOf = async ({ keyFile }: KeySource, io: Io): Promise<string[]> => {
  if (keyFile === undefined) {
    const key = io.env['MNEMESH_KEY']
    return key === undefined || key === '' ? [] : [key]
  }
  const text = keyFile === '-' ? await fromStdin(io) : await fromFile(keyFile)
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (keys.length === 0)
    throw new CliFailure(
      `there is no key in ${keyFile === '-' ? 'standard input' : keyFile}; write one into it, one a line`,
    )
  return keys
}

/** What a peer is asked with: the first. */
export const keyOf = async (source: KeySource, io: Io): Promise<string | undefined> => (await keysOf(source, io))[0]

const fromFile = async (path: string): Promise<string> => {
  try {
    const file = await open(path, 'r')
    try {
      // Of the file that is open, not of the name: that may be another by now.
      const { mode, size } = await file.stat()
      if ((mode & 0o077) !== 0)
        throw new CliFailure(
          `${path} can be read by others (its mode is ${(mode & 0o777).toString(8)}); run \`chmod 600 ${path}\``,
        )
      if (size > cliLimits.key_file_bytes_max)
        throw new CliFailure(`${path} is no file of keys: it has ${size} bytes; give one with a key a line`)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    throw error instanceof CliFailure ? error : fileFailure(error, 'read', path)
  }
}

const fromStdin = async ({ stdin }: Io): Promise<string> => {
  if (stdin === null) throw usage('--key-file - reads the key from standard input; pipe it in, or give a file')
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    bytes += chunk.length
    if (bytes > cliLimits.key_file_bytes_max)
      throw new CliFailure('standard input is no list of keys; give one with a key a line')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
