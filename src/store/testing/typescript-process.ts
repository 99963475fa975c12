/**
 * Runs one of the project's TypeScript files in a process of its own, for tests that need one to kill.
 *
 * Node 20 does not strip types itself, so the process gets a loader that does, by the compiler that is here anyway. Types
 * are not checked. The loader is a data URL: one file, that registers itself on the main thread and loads on the other.
 */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'

const compiler = pathToFileURL(createRequire(import.meta.url).resolve('typescript')).href

const LOADER = `
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import typescript from ${JSON.stringify(compiler)}
if (isMainThread) register(import.meta.url)
const compilerOptions = { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2023, verbatimModuleSyntax: true }
export const load = async (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const { outputText } = typescript.transpileModule(await readFile(new URL(url), 'utf8'), { compilerOptions })
  return { format: 'module', source: outputText, shortCircuit: true }
}
`

/** @param file the program. What it prints is read from `stdout`; its errors go to ours. */
export const runTypeScript = (file: URL, args: readonly string[]): ChildProcessByStdio<null, Readable, null> =>
  spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(LOADER)}`, fileURLToPath(file), ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
