/** What `mirror status` tells: whether a mirror runs on a folder, and what of it is not in step. It asks no peer. */
import { CliFailure } from '../failure.ts'
import { type Io, print } from '../io.ts'
import { clean, coloursFor, plural } from '../render.ts'
import { assertFolder, isMirrored, readBinding, readStanding } from './state.ts'

export const showMirror = async (folder: string, { json }: { readonly json?: boolean }, io: Io): Promise<void> => {
  await assertFolder(folder)
  const binding = await readBinding(folder)
  if (binding === null) throw new CliFailure(`${folder} is not mirrored; begin with \`mnemesh mirror ${folder}\``)
  const running = await isMirrored(folder)
  const found = await readStanding(folder)
  if (json === true) return print(io, JSON.stringify({ running, ...binding, ...found }))
  const colours = coloursFor(io.stdout, io.env)
  await print(
    io,
    `${running ? colours.green('running') : colours.yellow('not running')}: ${folder} with ${binding.namespace}`,
  )
  if (found === null) return
  await print(io, `${plural(found.files, 'file')}, as of ${found.at}`)
  if (found.trouble !== null) await print(io, clean(found.trouble))
  for (const path of found.conflicts) await print(io, clean(`conflict  ${path}`))
  for (const { path, why } of found.held) await print(io, clean(`held      ${path}: ${why}`))
  if (found.deletions_waiting.length > 0)
    await print(io, `${plural(found.deletions_waiting.length, 'deletion')} wait for a yes (--allow-deletions)`)
}
