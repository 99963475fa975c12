/**
 * Imported before anything that holds WebAssembly: functions of it are compiled by the optimizing compiler once they have run for
 * long, not at their first use. V8 made the same number its default after Node 20; with the one before, the embedded database's start
 * spends a third of its processor time on compiling what has just been used once (4.2 s of it against 3.0).
 */
import { setFlagsFromString } from 'node:v8'

/** Of a function, roughly bytes executed (V8, `flag-definitions.h`). */
const TIERING_BUDGET = 13_000_000

setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`)
