/**
 * What V8 is told before anything else is loaded, for the defaults of Node 20; newer versions are left alone.
 *
 * WebAssembly is compiled by the optimizing compiler once a function has run for long, not at its first use: with the old default the
 * embedded database's start spends a third of its processor time on compiling what has just been used once (4.2 s of it against 3.0).
 *
 * Objects are made young wherever they are made. V8 puts those of a place whose objects once outlived a collection among the old ones
 * at once; where each holds an answer, that answer and all it holds live on until the next full collection, and every small one until
 * then moves them (a question's p95 2.9 ms, without 2.4).
 */
import { setFlagsFromString } from 'node:v8'

/** Of a function, roughly bytes executed (V8, `flag-definitions.h`); the default of newer versions. */
const TIERING_BUDGET = 13_000_000
/** Of V8. A flag that some later version may not know would be complained about. */
const SETTLED_MAJOR = 13

if (Number.parseInt(process.versions.v8, 10) < SETTLED_MAJOR) {
  setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`)
  setFlagsFromString('--no-allocation-site-pretenuring')
}
