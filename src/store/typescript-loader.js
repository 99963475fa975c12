/**
 * Lets a plain `node --import` run this project's TypeScript, for tests that need a process of their own to kill.
 *
 * The file registers itself as a loader: on the main thread it registers, on the loader's thread it is the loader. Types
 * are only stripped (`erasableSyntaxOnly`), never checked.
 */
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import typescript from 'typescript'

if (isMainThread) register(import.meta.url)

export const load = async (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const text = await readFile(fileURLToPath(url), 'utf8')
  const { outputText } = typescript.transpileModule(text, { compilerOptions: { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2023, verbatimModuleSyntax: true } })
  return { format: 'module', source: outputText, shortCircuit: true }
}
