/**
 * Set-up of the programs that people use: what would change in their configuration, and the change itself. The command line asks and prints.
 */
export { CLIENTS, clientOf, type Places } from './clients.ts'
export { commandFor, type Running } from './command.ts'
export { targetOfHooks, targetOfServer, type Target } from './targets.ts'
export { INSTRUCTIONS } from './instructions.ts'
export { applyChange, exists, lookAt, planRemoval, planSetup, type Change, type Kept } from './change.ts'
