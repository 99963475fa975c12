/**
 * Imported before anything that holds WebAssembly: functions of it are compiled by the optimizing compiler once they have run for
 * long, not at their first use. Newer versions of V8 wait as long by themselves; with the default of Node 20 the embedded database's
 * start spends a third of its processor time on compiling what has just been used once (4.2 s of it against 3.0).
 */
import { setFlagsFromString } from 'node:v8'

/** Of a function, roughly bytes executed (V8, `flag-definitions.h`). */
const TIERING_BUDGET = 13_000_000
/** Of V8; from here on the default is ours, and a flag that some later version may not know would be complained about. */
const PATIENT_MAJOR = 13

if (Number.parseInt(process.versions.v8, 10) < PATIENT_MAJOR) setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`)
