/**
 * Lets the official conformance suite start on Node 20: it imports `globSync` of `node:fs`, which came with Node 22, for a command that
 * reads a folder of traces and is not used here. For `node --import`; registers itself in the thread of module hooks.
 */
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const SUITE = '/@modelcontextprotocol/conformance/'
const FS = 'conformance:fs'
const SOURCE =
  "export * from 'node:fs'\nexport const globSync = () => { throw new Error('fs.globSync is not on this Node') }\n"

/** @type {import('node:module').ResolveHook} */
export const resolve = (specifier, context, next) =>
  specifier === 'fs' && context.parentURL?.includes(SUITE) ? { url: FS, shortCircuit: true } : next(specifier, context)

/** @type {import('node:module').LoadHook} */
export const load = (url, context, next) =>
  url === FS ? { format: 'module', source: SOURCE, shortCircuit: true } : next(url, context)

if (isMainThread) register(import.meta.url)
