/**
 * How each program that people use is set up: whether its configuration can be read, and whether what it is told to start is there.
 */
import { isAbsolute } from 'node:path'
import { CLIENTS, commandFor, exists, lookAt, targetOfServer, type Places, type Running } from '../../setup/index.ts'
import { type Finding, noted, ok, wordsOf, wrong } from './finding.ts'

/** Programs that are not on this machine are left out. */
export const clientsFound = async (places: Places, running: Running): Promise<readonly Finding[]> => {
  const findings: Finding[] = []
  for (const client of CLIENTS) {
    const target = targetOfServer(client, places, commandFor(running, ['mcp']))
    try {
      const { file, there, state, found } = await lookAt(target)
      const missing = await missingFiles(found)
      if (state === 'absent') {
        if (there || (await exists(client.folders(places))))
          findings.push(noted(client.name, 'not set up', `mnemesh setup ${client.name}`))
      } else if (missing.length > 0)
        findings.push(
          wrong(
            client.name,
            `${file} starts what is not there: ${missing.join(', ')}`,
            `mnemesh setup ${client.name} --replace`,
          ),
        )
      else if (state === 'set up') findings.push(ok(client.name, 'set up'))
      else
        findings.push(
          noted(
            client.name,
            `set up otherwise than this program would (${file})`,
            `mnemesh setup ${client.name} --replace`,
          ),
        )
    } catch (error) {
      findings.push(wrong(client.name, wordsOf(error), `mend ${target.files[0]}, or take it away`))
    }
  }
  return findings
}

/** Absolute paths in an entry's command: the program, and the file that it runs. */
const missingFiles = async (found: readonly unknown[]): Promise<readonly string[]> => {
  const missing: string[] = []
  for (const path of found.flatMap(pathsIn)) if (!(await exists([path]))) missing.push(path)
  return missing
}

const pathsIn = (entry: unknown): readonly string[] => {
  if (typeof entry !== 'object' || entry === null) return []
  const { command, args } = entry as { readonly command?: unknown; readonly args?: unknown }
  return [command, args]
    .flat()
    .filter((word): word is string => typeof word === 'string' && isAbsolute(word))
    .slice(0, 2)
}
