/** The version of this package, as `package.json` states it. */
import { readFileSync } from 'node:fs'

const here = new URL('.', import.meta.url)
/** Compiled files lie one folder deeper (`dist/src`) than the sources. */
const manifest = new URL(here.pathname.includes('/dist/') ? '../../package.json' : '../package.json', here)

export const VERSION: string = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
