/**
 * Loaded before everything else (`node --import`): from then on built modules have the bug that `MNEMESH_PLANT` names.
 */
import { register } from 'node:module'
import ts from 'typescript'
import { bugNamed, planted } from './swap.ts'

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  rewriteRelativeImportExtensions: true,
  verbatimModuleSyntax: true,
}
const sourceByUrl = Object.fromEntries(
  [...planted(bugNamed(process.env['MNEMESH_PLANT']))].map(([module, source]) => [
    new URL(`../../${module.replace(/\.ts$/, '.js')}`, import.meta.url).href,
    ts.transpileModule(source, { compilerOptions: options }).outputText,
  ]),
)
register('./hooks.js', import.meta.url, { data: { sourceByUrl } })
